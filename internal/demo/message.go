package demo

import "time"

// phase is an order to the producers: send for so long, at such a rate.
type phase struct {
	Number int           `json:"number"`
	Name   string        `json:"name"`
	For    time.Duration `json:"for"`
	Rate   int           `json:"rate"` // records a second; 0 is as fast as possible
}

// phases divides the time: a third at a pace, the rest flat out.
func phases(d time.Duration) []phase {
	third := d / 3
	return []phase{
		{Number: 0, Name: "paced", For: third, Rate: pace},
		{Number: 1, Name: "flat out", For: d - third},
	}
}

// message is what a child tells its parent.
type message struct {
	Kind   kind    `json:"kind"`
	Report *report `json:"report,omitempty"` // with reported
}

type kind string

const (
	ready    kind = "ready"    // attached to the queue
	done     kind = "done"     // a producer is through with a phase
	reported kind = "reported" // the last message
	gone     kind = "gone"     // not sent: the process has ended
)

// report is what a process did.
type report struct {
	Phases  []tally  `json:"phases"`  // by phase number
	Streams []stream `json:"streams"` // by producer number; a producer has its own only
}

// tally counts the records of a phase.
type tally struct {
	Records uint64 `json:"records"`
	First   int64  `json:"first"` // when, in nanoseconds of the wall clock
	Last    int64  `json:"last"`
	Latency []byte `json:"latency,omitempty"` // an encoded histogram, nanoseconds
}

func (t *tally) count(now int64) {
	if t.Records == 0 {
		t.First = now
	}
	t.Records++
	t.Last = now
}

// stream is what a process saw of the records of one producer.
type stream struct {
	Producer  int    `json:"producer"`
	Records   uint64 `json:"records"`
	Sum       uint64 `json:"sum"`            // of Record.sum over all of them
	Seen      bitmap `json:"seen,omitempty"` // which numbers, where they were received
	Twice     uint64 `json:"twice,omitempty"`
	Reordered uint64 `json:"reordered,omitempty"`
	next      uint64
}

// receive notes a record that was received.
func (s *stream) receive(r *Record) {
	s.Records++
	s.Sum += r.sum()
	if s.Seen.set(r.Seq) {
		s.Twice++
	}
	if r.Seq < s.next {
		s.Reordered++
	}
	s.next = max(s.next, r.Seq+1)
}
