// Package flow compares two looks at a queue and tells what went on in between.
package flow

import (
	"time"

	"github.com/shmq/shmq"
)

// Rates are what was counted, each second.
type Rates struct {
	Records     float64 `json:"records"`
	Bytes       float64 `json:"bytes"`
	Waits       float64 `json:"waits"`
	Wakes       float64 `json:"wakes"`
	Redelivered float64 `json:"redelivered"`
}

func (r *Rates) add(o Rates) {
	r.Records += o.Records
	r.Bytes += o.Bytes
	r.Waits += o.Waits
	r.Wakes += o.Wakes
	r.Redelivered += o.Redelivered
}

// Change is what became of a participant between two looks.
type Change string

// The changes.
const (
	Stayed Change = "stayed"
	Came   Change = "came"
	Left   Change = "left" // in order, or it died and its seat was freed
)

// Participant is one that was attached at some time between the looks.
type Participant struct {
	Seat    int       `json:"seat"`
	Role    shmq.Role `json:"role"`
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Change  Change    `json:"change"`
	Rates             // over the whole time between the looks, however short it was there
}

// Flow is what went on between two looks.
type Flow struct {
	Interval float64 `json:"interval_seconds"`
	// Sent adds up the producers' counters, Received the consumers'. They are at least
	// so much if Unseen is not 0.
	Sent     Rates `json:"sent"`
	Received Rates `json:"received"`
	// SlotsIn and SlotsOut are the slots that tail and head passed each second, whichever
	// participant moved them.
	SlotsIn  float64 `json:"slots_in"`
	SlotsOut float64 `json:"slots_out"`
	// Unseen counts participants whose last counters were not seen: they left, and
	// another one has taken the seat since.
	Unseen       int           `json:"unseen"`
	Participants []Participant `json:"participants"`
}

// key names a participant for good: a seat can be taken again, even by the same
// process, but not at the same time.
type key struct {
	seat, pid int
	attached  int64
}

func keyOf(p *shmq.Participant) key { return key{p.Seat, p.PID, p.Attached.UnixNano()} }

// Between returns the flow between two looks at the same queue that were d apart. The counts of
// a participant that came in between happened in between; of one that left,
// the counters stay where they are until the seat is taken again.
func Between(before, after *shmq.Info, d time.Duration) *Flow {
	seconds := max(d, time.Microsecond).Seconds()
	f := &Flow{
		Interval:     seconds,
		SlotsIn:      float64(grown(before.Tail, after.Tail)) / seconds,
		SlotsOut:     float64(grown(before.Head, after.Head)) / seconds,
		Participants: []Participant{},
	}
	then := map[key]*shmq.Participant{}
	unseen := map[key]bool{} // attached before, and not found yet
	old := map[key]bool{}    // left before
	for i := range before.Participants {
		p := &before.Participants[i]
		then[keyOf(p)], unseen[keyOf(p)] = p, true
	}
	for i := range before.Left {
		old[keyOf(&before.Left[i])] = true
	}
	add := func(p *shmq.Participant, gone bool) {
		if gone && old[keyOf(p)] {
			return
		}
		was := then[keyOf(p)]
		delete(unseen, keyOf(p))
		change := Stayed
		switch {
		case gone:
			change = Left
		case was == nil:
			change = Came
		}
		if was == nil {
			was = &shmq.Participant{}
		}
		rates := between(was, p, seconds)
		if p.Role == shmq.Producer {
			f.Sent.add(rates)
		} else {
			f.Received.add(rates)
		}
		f.Participants = append(f.Participants, Participant{p.Seat, p.Role, p.PID, p.Command, change, rates})
	}
	for i := range after.Participants {
		add(&after.Participants[i], false)
	}
	for i := range after.Left {
		add(&after.Left[i], true)
	}
	f.Unseen = len(unseen)
	return f
}

func between(a, b *shmq.Participant, seconds float64) Rates {
	rate := func(from, to uint64) float64 { return float64(grown(from, to)) / seconds }
	return Rates{
		Records: rate(a.Records, b.Records), Bytes: rate(a.Bytes, b.Bytes), Waits: rate(a.Waits, b.Waits),
		Wakes: rate(a.Wakes, b.Wakes), Redelivered: rate(a.Redelivered, b.Redelivered),
	}
}

// grown is how far a counter went. One that went back was scribbled on.
func grown(from, to uint64) uint64 {
	if to < from {
		return 0
	}
	return to - from
}
