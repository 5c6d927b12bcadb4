package bench

import (
	"strings"

	"github.com/shmq/shmq"
)

const (
	// payload is the record of most cases: as large as fits into a slot's line.
	payload = 48
	slots   = 1024
	// largeSlots is how many large records a queue holds.
	largeSlots = 16
	// DefaultRate is that of the open loops.
	DefaultRate = 10_000
)

var (
	oneOne   = Sides{shmq.One, shmq.One}
	oneMany  = Sides{shmq.One, shmq.Many}
	manyOne  = Sides{shmq.Many, shmq.One}
	manyMany = Sides{shmq.Many, shmq.Many}
)

// peers are the links that are not ours.
var peers = []struct{ link, name, what string }{
	{linkChannel, "go-channel", "a Go channel, two threads of one process"},
	{linkPipe, "pipe", "a pipe"},
	{linkUnix, "unix", "an AF_UNIX stream"},
	{linkSeqpacket, "seqpacket", "an AF_UNIX seqpacket socket"},
	{linkTCP, "tcp", "TCP over the loopback"},
	{linkMQ, "mq", "a POSIX message queue"},
}

// Cases returns all rows, what they are compared with included.
func Cases() []Case {
	var cs []Case
	for _, family := range [][]Case{bareCases(), bareAttaches(), roundTrips(), parked(), throughputs(), oneCore(), large(), typed(), openLoops(), conns(), selects(), calls(), broadcasts(), rest()} {
		cs = append(cs, family...)
	}
	return cs
}

func bareCases() []Case {
	cs := []Case{
		{Name: probe, What: "two cache lines, there and back", Kind: RoundTrip, Link: linkLines, Producers: 1, Consumers: 1, Payload: 8},
		{Name: "bare/slots", What: "a ring of cache lines, a record copied in and out, there and back", Kind: RoundTrip, Link: linkSlots, Producers: 1, Consumers: 1, Payload: payload},
		{Name: "bare/slots/throughput", What: "a ring of cache lines, a record copied in and out", Kind: Throughput, Link: linkSlots, Producers: 1, Consumers: 1, Payload: payload},
		{Name: "bare/slots/throughput/batch-16", What: "16 copied in, then their numbers stored, one after the other", Kind: Throughput, Link: linkSlots, Producers: 1, Consumers: 1, Payload: payload, Batch: 16},
		{Name: "bare/stores", What: "records stored in a ring of cache lines that nobody reads", Kind: Alone, Link: linkStores, Producers: 1, Payload: payload},
		{Name: "bare/futex", What: "two futexes, there and back, each end asleep", Kind: RoundTrip, Link: linkFutex, Producers: 1, Consumers: 1, Payload: 4, Confined: true},
		{Name: "bare/futex/one-core", What: "the same on one core", Kind: RoundTrip, Link: linkFutex, Producers: 1, Consumers: 1, Payload: 4, Confined: true, OneCore: true},
		{Name: "bare/memcpy/64KiB", What: "one core copies, over a ring's worth of memory", Kind: Alone, Link: linkMemcpy, Producers: 1, Payload: 64 << 10},
		{Name: "bare/memcpy/1MiB", What: "one core copies, over a ring's worth of memory", Kind: Alone, Link: linkMemcpy, Producers: 1, Payload: 1 << 20},
		{Name: "bare/memory", What: "a Go program that sleeps on a futex; bytes, not ns", Kind: Memory, Link: linkBareIdle},
		{Name: "bare/encode", What: "the struct of typed/one-one to msgpack", Kind: Alone, Link: linkEncode, Producers: 1, Payload: measurementPayload},
		{Name: "bare/decode", What: "and back", Kind: Alone, Link: linkDecode, Producers: 1, Payload: measurementPayload},
	}
	for _, name := range []string{probe, "bare/slots"} {
		c, _ := find(cs, name)
		c.Name, c.What, c.Pause = name+"/pause", "the same, with a PAUSE between two tries", 1
		cs = append(cs, c)
	}
	for _, name := range []string{"bare/slots", "bare/slots/throughput"} {
		c, _ := find(cs, name)
		c.Name, c.What = strings.Replace(name, "slots", "claimed-slots", 1), "the same, and each end claims the line by a compare-and-swap"
		c.Pause, c.Claims = 1, true
		cs = append(cs, c)
	}
	return cs
}

// bareAttaches are the system calls alone of attaching to a queue, and of leaving it too.
func bareAttaches() []Case {
	c := onRing("bare/attach", "the system calls alone that attach a producer", Alone, manyMany)
	c.Link, c.Consumers, c.Payload = linkBareAttach, 0, 0
	leave := c
	leave.Name, leave.What, leave.Leave = "bare/attach-and-leave", "and that make it leave", true
	return []Case{c, leave}
}

// onRing is a case of small records between one process and another.
func onRing(name, what string, kind Kind, sides Sides) Case {
	return Case{
		Name: name, What: what, Kind: kind, Link: linkRing, Payload: payload,
		Sides: sides, Slots: slots, SlotSize: 64, Producers: 1, Consumers: 1,
	}
}

func roundTrips() (cs []Case) {
	limit := []string{"bare/cache-lines"}
	for _, s := range []Sides{oneOne, manyMany} {
		c := onRing("round-trip/"+s.String(), "both ends poll", RoundTrip, s)
		c.Limit = limit
		cs = append(cs, c)
		p := c
		p.Name, p.What, p.Pause = c.Name+"/pause", "both ends poll, with two PAUSEs between tries", 2
		cs = append(cs, p)
		c.Name, c.What, c.Wait = c.Name+"/wait", "both ends wait: they spin, then sleep", true
		cs = append(cs, c)
	}
	for _, p := range peers {
		cs = append(cs, Case{Name: "round-trip/" + p.name, What: p.what, Kind: RoundTrip, Link: p.link, Payload: payload, Producers: 1, Consumers: 1, Limit: limit})
	}
	return cs
}

func parked() (cs []Case) {
	for _, s := range []Sides{oneOne, manyMany} {
		c := onRing("parked/"+s.String(), "a round trip, both ends asleep each time", RoundTrip, s)
		c.Wait, c.Confined, c.Limit = true, true, []string{"bare/futex"}
		cs = append(cs, c)
		c.Name, c.What, c.OneCore, c.Limit = c.Name+"/one-core", "the same on one core", true, []string{"bare/futex/one-core"}
		cs = append(cs, c)
	}
	return cs
}

func throughputs() (cs []Case) {
	for _, s := range []Sides{oneOne, manyMany, oneMany, manyOne} {
		c := onRing("throughput/"+s.String(), "a record at a time", Throughput, s)
		c.Limit = []string{"bare/slots/throughput"}
		cs = append(cs, c)
		c.Name, c.What, c.Batch = c.Name+"/batch-16", "batches of 16", 16
		cs = append(cs, c)
	}
	c := onRing("throughput/one-one/no-wakeups", "the ring alone: nobody sleeps, nobody is woken", Throughput, oneOne)
	c.Link, c.Limit = linkBareRing, []string{"bare/slots/throughput"}
	cs = append(cs, c)
	for _, n := range []int{2, 4} {
		c := onRing(name("throughput/many-many/%dx%d", n, n), name("%d processes send, %d receive", n, n), Throughput, manyMany)
		c.Producers, c.Consumers = n, n
		cs = append(cs, c)
	}
	for _, p := range peers {
		cs = append(cs, Case{Name: "throughput/" + p.name, What: p.what, Kind: Throughput, Link: p.link, Payload: payload, Producers: 1, Consumers: 1})
	}
	return cs
}

// oneCore has both ends on one core: neither can run while the other does, so to spin
// is to waste the time that the other needs.
func oneCore() (cs []Case) {
	for _, s := range []Sides{oneOne, manyMany} {
		c := onRing("one-core/throughput/"+s.String(), "both ends on one core", Throughput, s)
		c.OneCore = true
		cs = append(cs, c)
	}
	for _, s := range []Sides{oneOne, manyMany} {
		c := onRing("one-core/round-trip/"+s.String(), "both ends on one core, waiting", RoundTrip, s)
		c.OneCore, c.Wait, c.Limit = true, true, []string{"bare/futex/one-core"}
		cs = append(cs, c)
	}
	for _, k := range []Kind{Throughput, RoundTrip} {
		c := Case{Name: "one-core/throughput/pipe", What: "a pipe, both ends on one core", Kind: k, Link: linkPipe, Payload: payload, Producers: 1, Consumers: 1, OneCore: true}
		if k == RoundTrip {
			c.Name, c.Limit = "one-core/round-trip/pipe", []string{"bare/futex/one-core"}
		}
		cs = append(cs, c)
	}
	return cs
}

func large() (cs []Case) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"64KiB", 64 << 10}, {"1MiB", 1 << 20}} {
		c := onRing("large/"+size.name, "copied into a reservation, leased", Throughput, oneOne)
		c.Link, c.Payload, c.Slots, c.SlotSize = linkLarge, size.bytes, largeSlots, size.bytes
		c.Limit = []string{"bare/memcpy/" + size.name}
		cs = append(cs, c)
		c.Name, c.What, c.Use = "large/"+size.name+"/read", "and read by the consumer, each cache line", useRead
		cs = append(cs, c)
		c.Name, c.What, c.Use = "large/"+size.name+"/copied-out", "and copied out by the consumer", useCopy
		cs = append(cs, c)
	}
	return cs
}

func typed() (cs []Case) {
	for _, s := range []Sides{oneOne, manyMany} {
		c := onRing("typed/"+s.String(), "a struct of 8 fields as msgpack", Throughput, s)
		c.Link, c.Payload, c.SlotSize, c.Limit = linkTyped, measurementPayload, 128, []string{"bare/encode", "bare/decode"}
		cs = append(cs, c)
	}
	return cs
}

func openLoops() (cs []Case) {
	for _, s := range []Sides{oneOne, manyMany} {
		c := onRing("open-loop/"+s.String(), "at a rate, from when a record was due", OpenLoop, s)
		c.Rate = DefaultRate
		cs = append(cs, c)
	}
	for _, p := range peers {
		cs = append(cs, Case{Name: "open-loop/" + p.name, What: p.what, Kind: OpenLoop, Link: p.link, Payload: payload, Producers: 1, Consumers: 1, Rate: DefaultRate})
	}
	return cs
}

// selects are of a receiver that waits for the first of several queues, of which all but one
// stay empty.
func selects() (cs []Case) {
	for _, n := range []int{1, 8, 64} {
		c := onRing(name("select/throughput/of-%d", n), name("one of %d queues is busy, a record at a time", n), Throughput, oneOne)
		c.Link, c.Queues, c.Limit = linkSelect, n, []string{"throughput/one-one"}
		cs = append(cs, c)
		c.Name, c.What, c.Batch, c.Limit = c.Name+"/batch-16", "the same, batches of 16", 16, []string{"throughput/one-one/batch-16"}
		cs = append(cs, c)
	}
	for _, n := range []int{1, 8, 64} {
		c := onRing(name("select/parked/of-%d", n), name("a round trip, both ends asleep each time, one of them for %d queues", n), RoundTrip, oneOne)
		c.Link, c.Queues, c.Wait, c.Confined, c.Limit = linkSelect, n, true, true, []string{"bare/futex"}
		cs = append(cs, c)
	}
	return cs
}

// calls are those of package rpc, and what net/rpc takes for the same.
func calls() (cs []Case) {
	for _, l := range []struct{ link, name, what string }{
		{linkRPC, "rpc/", "package rpc"}, {linkNetRPC, "rpc/net/", "net/rpc over an AF_UNIX stream"},
	} {
		c := Case{Name: l.name + "call", What: "a call and its answer, " + l.what, Kind: RoundTrip, Link: l.link, Payload: payload, Producers: 1, Consumers: 1}
		c.Limit = []string{"round-trip/one-one/wait"}
		cs = append(cs, c)
		c.Name, c.What, c.OneCore, c.Limit = c.Name+"/one-core", "the same on one core", true, []string{"one-core/round-trip/one-one"}
		cs = append(cs, c)
		c.Name, c.What, c.Kind, c.OneCore, c.Limit, c.Flight = l.name+"flight-16", "a call, 16 in flight, "+l.what, Throughput, false, nil, 16
		cs = append(cs, c)
	}
	return cs
}

func rest() []Case {
	attach := onRing("attach", "attach to a queue", Alone, manyMany)
	attach.Link, attach.Consumers, attach.Payload, attach.Limit = linkAttach, 0, 0, []string{"bare/attach"}
	leave := attach
	leave.Name, leave.What, leave.Leave, leave.Limit = "attach-and-leave", "attach to a queue and leave it", true, []string{"bare/attach-and-leave"}
	again := onRing("redelivery", "a killed consumer's record reaches a busy one", Alone, manyMany)
	again.Link, again.Consumers, again.Payload, again.Slots = linkRedeliver, 0, 1, 1<<16
	return []Case{
		attach,
		leave,
		again,
		{Name: "memory", What: "shmq-recv that waits, without the ring; bytes, not ns", Kind: Memory, Link: linkIdle, Limit: []string{"bare/memory"}},
		{Name: "shell/shmq", What: "seq 1 N | shmq-send q, shmq-recv q > /dev/null, a line", Kind: Shell, Link: linkCommands},
		{Name: "shell/cat", What: "seq 1 N | cat | cat > /dev/null, a line", Kind: Shell, Link: linkCat},
	}
}
