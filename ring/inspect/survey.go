package inspect

import (
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Survey is what the words of a ring say. It is made from outside: while
// participants work, each number is of a slightly different moment, and what a
// stranger scribbled is counted like the rest.
type Survey struct {
	Records int // published and not taken; single consumer: not acknowledged
	Claimed int // claims being written
	Leased  int // takes in the hands of consumers (many consumers only)
	Orphans int // takes waiting to be delivered again
	// Full: there is no room for a record of one slot. The position a lap before
	// tail is the one that has to become free.
	Full bool
	// Seats has what each seat holds, by its number.
	Seats []Holding
	// Handed is what the single consumer, or its predecessor, was handed and has not
	// acknowledged, or acknowledged before an older one. Nothing tells which.
	Handed Holding
}

// Holding is what a participant has in its hands.
type Holding struct {
	Claims  int    `json:"claims"`  // claims of one of many producers, being written
	Takes   int    `json:"takes"`   // takes of one of many consumers, each of one or more records
	Records int    `json:"records"` // records handed out and not acknowledged; see Survey.Handed
	Slots   uint64 `json:"slots"`   // that all this occupies
	First   uint64 `json:"first"`   // position of the oldest of them
}

// add counts k slots at p.
func (h *Holding) add(p, k uint64) {
	if h.Slots == 0 || int64(p-h.First) < 0 {
		h.First = p
	}
	h.Slots += k
}

// NewSurvey reads every slot once, and those from head on once more.
func NewSurvey(of *ring.Ring) Survey {
	r := wordsOf(of)
	s := Survey{Seats: make([]Holding, r.Geo.Seats)}
	head, tail := r.positions()
	r.surveyOwners(&s, head, tail)
	r.surveyRecords(&s, head)
	s.Full = r.full(head, tail)
	return s
}

// Glance is a Survey that reads one slot at most: it tells Full only.
func Glance(of *ring.Ring) Survey {
	r := wordsOf(of)
	head, tail := r.positions()
	return Survey{Full: r.full(head, tail)}
}

// surveyOwners reads the slots in their order in memory.
func (r words) surveyOwners(s *Survey, head, tail uint64) {
	// The take whose slots are being passed: the words inside are Full for records
	// that its holder has not acknowledged.
	var holder *Holding
	var pos, end uint64
	for i := range r.Cap {
		w := r.Load(i)
		switch w.State() {
		case layout.Claimed:
			s.Claimed++
		case layout.Reading, layout.ReadingAcked:
			s.Leased++
		case layout.Orphan, layout.OrphanAcked:
			s.Orphans++
		case layout.Full:
			if i < end && w.CompareLap(pos, r.Shift) == 0 {
				holder.Records++
			}
		}
		k := r.Span(i, w)
		if !w.State().Owned() || k == 0 || w.Seat() >= len(s.Seats) {
			continue
		}
		h := &s.Seats[w.Seat()]
		if w.State() == layout.Claimed {
			h.Claims++
			h.add(w.Position(i, tail, r.Shift), k)
			end = 0 // what is inside is not sent yet
			continue
		}
		h.Takes++
		if w.State() == layout.Reading {
			h.Records++
		}
		holder, pos, end = h, w.Position(i, head, r.Shift), i+k
		h.add(pos, k)
	}
}

// surveyRecords counts records from head on, since words before it may be left over,
// and as far as words of their lap reach, since tail may lag.
func (r words) surveyRecords(s *Survey, head uint64) {
	handout := head
	if !r.Geo.ManyConsumers {
		if end := r.handout(); int64(end-head) > 0 && end-head <= r.Cap {
			handout = end
			s.Handed.add(head, end-head)
		}
	}
	for p := head; p-head < r.Cap; {
		w := r.Load(p)
		k := r.Span(p, w)
		if w.State() == layout.Free || w.CompareLap(p, r.Shift) != 0 || k == 0 {
			break
		}
		if w.State() == layout.Full {
			s.Records++
			if int64(handout-p) > 0 {
				s.Handed.Records++
			}
		}
		p += k
	}
}

// full tells whether a producer that looks for one slot finds none.
func (r words) full(head, tail uint64) bool {
	if !r.Geo.ManyConsumers {
		return tail-head >= r.Cap && int64(tail-head) > 0
	}
	w := r.Load(tail)
	if w.State() == layout.Free || w.CompareLap(tail, r.Shift) >= 0 {
		return false
	}
	// A producer recycles a Skip that head has passed.
	return w.State() != layout.Skip || int64(head-(tail-r.Cap)) < 0
}
