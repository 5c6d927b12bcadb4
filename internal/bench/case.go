package bench

import (
	"fmt"
	"path"
	"strings"

	"github.com/shmq/shmq"
)

// Kind is what of a case is measured.
type Kind string

const (
	// Throughput: time a record while one side sends and the other receives.
	Throughput Kind = "throughput"
	// RoundTrip: one record there and one back, one at a time.
	RoundTrip Kind = "round trip"
	// OpenLoop: time from when a record was due to be sent until it was received.
	OpenLoop Kind = "open loop"
	// Alone: an operation of one process, no other end.
	Alone Kind = "alone"
	// Shell: a pipeline of commands.
	Shell Kind = "shell"
	// Memory: what a process takes that sleeps. Its figures are bytes.
	Memory Kind = "memory"
)

// The links that records go over.
const (
	linkRing       = "ring"      // producer.Raw to consumer.Raw
	linkBareRing   = "bare ring" // the ring alone: never asleep, no sleeper to wake
	linkSelect     = "select"    // the same, received through a selector.Set
	linkLarge      = "large"     // Reserve and Commit, Lease and Ack
	linkTyped      = "typed"     // values of a struct
	linkLines      = "lines"     // two cache lines
	linkSlots      = "slots"     // a ring of cache lines, no queue
	linkFutex      = "futex"     // two futexes
	linkChannel    = "channel"   // a Go channel
	linkPipe       = "pipe"      // two pipes
	linkUnix       = "unix"      // an AF_UNIX stream
	linkSeqpacket  = "seqpacket" // an AF_UNIX socket that keeps records apart
	linkTCP        = "tcp"       // over the loopback
	linkMQ         = "mq"        // two POSIX message queues
	linkMemcpy     = "memcpy"    // one core copies
	linkEncode     = "encode"    // the codec, without a queue
	linkDecode     = "decode"
	linkAttach     = "attach"      // attach to a queue and leave it
	linkBareAttach = "bare attach" // the system calls of that alone
	linkRedeliver  = "redeliver"   // a killed consumer's record reaches a busy one
	linkConn       = "conn"        // a connection of package conn
	linkGoUnix     = "go unix"     // sockets and pipes by way of the Go runtime's poller
	linkGoTCP      = "go tcp"
	linkGoPipe     = "go pipe"
	linkRPC        = "rpc"       // package rpc
	linkNetRPC     = "net/rpc"   // over an AF_UNIX stream
	linkIdle       = "idle"      // shmq-recv, asleep
	linkBareIdle   = "bare idle" // a program that does nothing else
	linkCommands   = "commands"
	linkCat        = "cat"
	linkStores     = "stores" // a producer's stores alone
	linkScan       = "scan"   // a producer that looks at subscriptions
)

// Case is one row. Processes of a case get it as JSON.
type Case struct {
	Name string `json:"name"`
	What string `json:"what"` // for a person
	Kind Kind   `json:"kind"`
	Link string `json:"link"`
	// Payload is the size of a record in bytes.
	Payload int `json:"payload"`
	// Batch is how many records a call moves, where it is more than one.
	Batch int `json:"batch,omitempty"`

	// The queue: what its sides are, and its shape.
	Sides    Sides `json:"sides"`
	Slots    int   `json:"slots,omitempty"`
	SlotSize int   `json:"slot_size,omitempty"`
	// Producers and Consumers are how many processes there are of each.
	Producers int `json:"producers"`
	Consumers int `json:"consumers"`

	// Queues is how many queues the receiver waits for, of which one is used.
	Queues int `json:"queues,omitempty"`

	// Skip: producers wait for no consumer. Paced: the case itself keeps the sender from lapping the
	// receiver.
	Skip  bool `json:"skip,omitempty"`
	Paced bool `json:"paced,omitempty"`
	// Subscriptions is how many of them a producer looks at.
	Subscriptions int `json:"subscriptions,omitempty"`

	// OneCore: all ends share a core.
	OneCore bool `json:"one_core,omitempty"`
	// Flight is how many calls are in flight, where it is more than one.
	Flight int `json:"flight,omitempty"`
	// Wait: the ends of a round trip wait for a record as programs do, instead of
	// polling for it.
	Wait bool `json:"wait,omitempty"`
	// HTTP: the round trips are requests, and their answers have the payload.
	HTTP bool `json:"http,omitempty"`
	// Park: a connection sleeps at once where it would spin.
	Park bool `json:"park,omitempty"`
	// Confined: each process has its core only from its start on, so it does not
	// spin before it sleeps.
	Confined bool `json:"confined,omitempty"`
	// Use is what the consumer does with a large record.
	Use use `json:"use,omitempty"`
	// Leave: of attaching to a queue and leaving it both are timed.
	Leave bool `json:"leave,omitempty"`
	// Rate is records a second, of an open loop.
	Rate float64 `json:"rate,omitempty"`

	// Pause is how many PAUSE instructions a case that polls has between failed tries.
	Pause int `json:"pause,omitempty"`
	// Claims: each end of a bare case claims a slot by a compare-and-swap of its number.
	Claims bool `json:"claims,omitempty"`

	// Limit are the cases whose slowest is what the hardware allows for.
	Limit []string `json:"limit,omitempty"`
}

// use is what a consumer does with a record that it has leased.
type use string

const (
	useLook use = ""     // it looks at the first and the last byte
	useRead use = "read" // it reads a word of each cache line
	useCopy use = "copy" // it copies the record
)

// Sides says how many participants each side of the queue may have.
type Sides struct {
	Producers shmq.Multiplicity `json:"producers"`
	Consumers shmq.Multiplicity `json:"consumers"`
}

func (s Sides) String() string { return s.Producers.String() + "-" + s.Consumers.String() }

// Matches reports whether the case is meant by pattern: its name, the start of it up
// to a slash, or a pattern of path.Match.
func (c Case) Matches(pattern string) bool {
	if c.Name == pattern || strings.HasPrefix(c.Name, pattern+"/") {
		return true
	}
	ok, _ := path.Match(pattern, c.Name) // a bad pattern matches nothing
	return ok
}

// Latency reports whether single operations are timed.
func (c Case) Latency() bool {
	return c.Kind == RoundTrip || c.Kind == OpenLoop || c.Link == linkAttach || c.Link == linkBareAttach || c.Link == linkRedeliver
}

// ours reports whether the case goes through a queue of ours.
func (c Case) ours() bool {
	switch c.Link {
	case linkRing, linkSelect, linkBareRing, linkLarge, linkTyped, linkAttach, linkBareAttach, linkRedeliver, linkCommands, linkScan:
		return true
	}
	return false
}

// ends is how many processes the case has.
func (c Case) ends() int { return c.Producers + c.Consumers }

// options is the shape of the case's queue.
func (c Case) options() *shmq.Options {
	o := &shmq.Options{Producers: c.Sides.Producers, Consumers: c.Sides.Consumers, Slots: c.Slots, SlotSize: c.SlotSize, Skip: c.Skip}
	if o.Subscriptions = c.Subscriptions; c.Subscriptions > 0 {
		o.Seats = c.Subscriptions + 1
	}
	return o
}

// each reports whether every consumer gets all records.
func (c Case) each() bool { return c.Sides.Consumers == shmq.Each }

// deliveries returns how often a record is received.
func (c Case) deliveries() int {
	if c.each() {
		return max(1, c.Consumers)
	}
	return 1
}

// atOnce returns how many operations a record, or a look, is.
func (c Case) atOnce() int { return max(c.deliveries(), c.Subscriptions) }

// stopped reports whether the consumers, who share the records, are told when there are no more.
func (c Case) stopped() bool { return c.Consumers > 1 && !c.each() }

// find returns the case of that name.
func find(cases []Case, name string) (Case, error) {
	for _, c := range cases {
		if c.Name == name {
			return c, nil
		}
	}
	return Case{}, fmt.Errorf("%w: there is no case %q", shmq.ErrOption, name)
}

// Select returns the cases that any of the patterns means, in order; without patterns
// all. Error: a pattern that means none.
func Select(cases []Case, patterns []string) ([]Case, error) {
	if len(patterns) == 0 {
		return cases, nil
	}
	taken := make([]bool, len(cases))
	for _, p := range patterns {
		found := false
		for i, c := range cases {
			if c.Matches(p) {
				taken[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: no case is meant by %q; see --list", shmq.ErrOption, p)
		}
	}
	var some []Case
	for i, c := range cases {
		if taken[i] {
			some = append(some, c)
		}
	}
	return some, nil
}
