// Package graph makes a graph of processes and queues out of looks at queues: what `shmq map`
// draws. The field names in JSON are stable; readers skip fields, kinds and states that they do
// not know, for there may be more.
package graph

import (
	"time"

	"github.com/shmq/shmq/internal/flow"
)

// Graph is a moment of a machine's queues. Processes are sorted by pid, queues by name, edges by
// queue, then kind, then process.
type Graph struct {
	Time time.Time `json:"time"`
	// Place is where the queues are: a directory.
	Place     string    `json:"place"`
	Processes []Process `json:"processes"`
	Queues    []Queue   `json:"queues"`
	Edges     []Edge    `json:"edges"`
}

// State is how a process or an edge is.
type State string

// The states.
const (
	Alive State = "alive"
	// Asleep: as far as can be told the participant sleeps, a producer for want of room, a consumer
	// for want of records. The queue says so of a side, and not of one participant; so
	// one that has moved records since the look before is alive.
	Asleep  State = "asleep"
	Stopped State = "stopped"
	Frozen  State = "frozen" // by a freezer of cgroups
	Dead    State = "dead"   // and its seat is not recovered yet
	// Kept: no process. It stands for the one that a durable subscription is kept for.
	Kept State = "kept"
)

// Process is a process that has seats in queues, or died with them. In state kept it is none: its
// Command is the name of a durable subscription that no process has, its PID 0.
type Process struct {
	ID      string `json:"id"`  // no other process has it; it stays from look to look
	PID     int    `json:"pid"` // in its own PID namespace
	UID     int    `json:"uid"` // in its own user namespace
	Command string `json:"command"`
	// State is the one that its edges share, and else the first of dead, frozen, stopped and alive
	// that one of them has.
	State State `json:"state"`
}

// Queue is a queue, or the reason why it can't be described.
type Queue struct {
	ID    string `json:"id"` // stays from look to look
	Name  string `json:"name"`
	Error string `json:"error,omitempty"`

	CreationID string `json:"creation_id,omitempty"` // another one: another queue of that name
	Slots      int    `json:"slots"`
	Depth      int    `json:"depth"`   // slots between head and tail
	Records    int    `json:"records"` // in the queue, whoever has them
	Producers  int    `json:"producers"`
	Consumers  int    `json:"consumers"` // living ones
	// State says in a word or two what to look at first; "" is nothing. Alert: it should be looked at.
	State    string   `json:"state"`
	Alert    bool     `json:"alert"`
	Warnings []string `json:"warnings"` // in words, not escaped

	// Rates of all participants, those too that left since the look before; absent if not known.
	Sent     *Rates `json:"sent,omitempty"`
	Received *Rates `json:"received,omitempty"`
}

// Rates are what went on, each second.
type Rates struct {
	Records float64 `json:"records"`
	Bytes   float64 `json:"bytes"`
}

// Kind is what an edge is.
type Kind string

// The kinds.
const (
	Sends    Kind = "sends"    // from a process to a queue
	Receives Kind = "receives" // from a queue to a process
)

// Edge is what a process does with a queue, in one role, by one or several seats.
type Edge struct {
	ID      string `json:"id"` // stays from look to look
	Kind    Kind   `json:"kind"`
	From    string `json:"from"` // IDs of a process and a queue, the way of the records
	To      string `json:"to"`
	Queue   string `json:"queue"`
	Process string `json:"process"`
	Seats   []int  `json:"seats"`
	State   State  `json:"state"` // as Process.State, of its seats
	// Holds says what its participants hold, "" for nothing.
	Holds string `json:"holds,omitempty"`
	// Records and Bytes count what these participants have moved since they attached.
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
	// Where each consumer gets every record: by how many slots the subscription is behind, of
	// several the one that is farthest; whether the ring is full behind it; and the names of durable ones.
	Lag           *uint64  `json:"lag_slots,omitempty"`
	HoldsUp       bool     `json:"holds_up,omitempty"`
	Subscriptions []string `json:"subscriptions,omitempty"`

	Rates *Rates `json:"rates,omitempty"` // absent if not known
}

func ratesOf(r *flow.Rates) *Rates { return &Rates{r.Records, r.Bytes} }

func (r *Rates) add(o *flow.Rates) *Rates {
	if o == nil {
		return r
	}
	if r == nil {
		r = &Rates{}
	}
	r.Records += o.Records
	r.Bytes += o.Bytes
	return r
}
