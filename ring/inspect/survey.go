package inspect

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Survey is what the words of a ring say, in records. It is made from outside: while
// participants work, each number is of a slightly different moment, but no record is
// counted twice; and what a stranger scribbled is counted like the rest.
type Survey struct {
	// Records: published, and handed to no consumer. Where each consumer gets every record,
	// those that the slowest subscription has not acknowledged, or 0 without any.
	Records int
	Claimed int // claims being written
	Leased  int // in the takes of consumers, dead ones too (many consumers only)
	Orphans int // in takes without a holder, to be delivered again (many consumers only)
	// Oldest is when the oldest of Records and Orphans was sent, in nanoseconds of Unix
	// time; 0 when there is none, or the queue has no time stamps.
	Oldest uint64
	// Full: there is no room for a record of one slot. The position a lap before
	// tail is the one that has to become free; where each consumer gets every record, of all
	// subscriptions, and of the producer that has claimed it.
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

	oldest uint64
}

// Oldest returns when the oldest of the records was sent, as Survey.Oldest.
func (h *Holding) Oldest() uint64 { return h.oldest }

// add counts k slots at p.
func (h *Holding) add(p, k uint64) {
	if h.Slots == 0 || int64(p-h.First) < 0 {
		h.First = p
	}
	h.Slots += k
}

// NewSurvey reads every slot once; with a single consumer, those from head on once more.
func NewSurvey(of *ring.Ring) Survey {
	r := wordsOf(of)
	s := Survey{Seats: make([]Holding, r.Geo.Seats)}
	head, tail := r.positions()
	switch {
	case r.Geo.ManyConsumers:
		r.surveyAll(&s, head, tail)
	case r.Geo.Each:
		r.surveyClaims(&s, tail)
		r.surveyFromHead(&s, r.slowest(of, tail))
	default:
		r.surveyClaims(&s, tail)
		r.surveyFromHead(&s, head)
	}
	s.Full = r.full(of, head, tail)
	return s
}

// slowest returns the position from which records are for some subscription that has not
// acknowledged them, and are whole; tail if there is none.
func (r words) slowest(of *ring.Ring, tail uint64) uint64 {
	entry, lag := of.Slowest()
	if entry < 0 {
		return tail
	}
	from := tail - lag
	if h := r.head(); int64(h-from) > 0 && r.Geo.Skip {
		from = r.begin(h, tail) // those before it are lost
	}
	return from
}

// Glance is a Survey that reads one slot at most, and the cursors of all subscriptions: it tells
// Full only.
func Glance(of *ring.Ring) Survey {
	r := wordsOf(of)
	head, tail := r.positions()
	return Survey{Full: r.full(of, head, tail)}
}

// passage is the span of slots that is being passed.
type passage struct {
	pos, end uint64
	// count has the records whose words inside are Full, oldest when the oldest of them
	// was sent; nil where those are none: in a claim they are not sent yet, and in what is
	// left of one they never were.
	count  *int
	oldest *uint64
}

// surveyAll reads the slots of a queue with many consumers in their order in memory. No span
// crosses the end of the ring, and no published record outlives its word.
func (r words) surveyAll(s *Survey, head, tail uint64) {
	var in passage
	for i := range r.Cap {
		w := r.Load(i)
		k := r.Span(i, w)
		if lap := w.CompareLap(in.pos, r.Shift); i < in.end && lap <= 0 {
			if w.State() == layout.Full && lap == 0 && in.count != nil {
				r.count(in, i, w)
			}
			continue // of a later lap it would have been freed meanwhile
		}
		if w.State() == layout.Free || k == 0 {
			continue
		}
		in = passage{pos: w.Position(i, head, r.Shift), end: i + k}
		acked := false
		switch w.State() {
		case layout.Full:
			in.count, in.oldest = &s.Records, &s.Oldest
		case layout.Orphan, layout.OrphanAcked:
			in.count, in.oldest = &s.Orphans, &s.Oldest
			acked = w.State() == layout.OrphanAcked
		case layout.Reading, layout.ReadingAcked:
			in.count, in.oldest = r.holding(s, w, in.pos, k)
			acked = w.State() == layout.ReadingAcked
		case layout.Claimed:
			in.pos = w.Position(i, tail, r.Shift)
			r.claim(s, w, in.pos, k)
		}
		if in.count != nil && !acked {
			r.count(in, i, w)
		}
	}
	for i := range s.Seats {
		s.Leased += s.Seats[i].Records
	}
}

// holding returns where the records of a take count.
func (r words) holding(s *Survey, w layout.Word, p, k uint64) (*int, *uint64) {
	if w.Seat() >= len(s.Seats) {
		return &s.Leased, new(uint64)
	}
	h := &s.Seats[w.Seat()]
	h.Takes++
	h.add(p, k)
	return &h.Records, &h.oldest
}

func (r words) claim(s *Survey, w layout.Word, p, k uint64) {
	s.Claimed++
	if w.Seat() < len(s.Seats) {
		s.Seats[w.Seat()].Claims++
		s.Seats[w.Seat()].add(p, k)
	}
}

// count counts the record in slot i, whose word was w.
func (r words) count(in passage, i uint64, w layout.Word) {
	*in.count++
	sent := r.SentAt(i)
	if sent == 0 || layout.Word(atomics.Reload64(r.WordAt(i))) != w {
		return // without a time, or gone meanwhile
	}
	if *in.oldest == 0 || sent < *in.oldest {
		*in.oldest = sent
	}
}

// surveyClaims reads the slots of a queue with a single consumer for what its producers are
// writing. Other things that the words say may be left over.
func (r words) surveyClaims(s *Survey, tail uint64) {
	if !r.Geo.ManyProducers {
		return
	}
	for i := range r.Cap {
		if w := r.Load(i); w.State() == layout.Claimed {
			if k := r.Span(i, w); k != 0 {
				r.claim(s, w, w.Position(i, tail, r.Shift), k)
			}
		}
	}
}

// surveyFromHead counts the records of a queue with a single consumer from head on, as far
// as words of their lap reach, since tail may lag.
func (r words) surveyFromHead(s *Survey, head uint64) {
	handout := head
	if end := r.handout(); !r.Geo.Each && int64(end-head) > 0 && end-head <= r.Cap {
		handout = end
		s.Handed.add(head, end-head)
	}
	for p := head; p-head < r.Cap; {
		w := r.Load(p)
		k := r.Span(p, w)
		if w.State() == layout.Free || w.CompareLap(p, r.Shift) != 0 || k == 0 {
			break
		}
		if w.State() == layout.Full {
			in := passage{count: &s.Records, oldest: &s.Oldest}
			if int64(handout-p) > 0 {
				in.count, in.oldest = &s.Handed.Records, &s.Handed.oldest
			}
			r.count(in, p, w)
		}
		p += k
	}
}

// full tells whether a producer that looks for one slot finds none.
func (r words) full(of *ring.Ring, head, tail uint64) bool {
	if r.Geo.Each {
		if w := r.Load(tail); r.Geo.ManyProducers && w.State() == layout.Claimed && w.CompareLap(tail, r.Shift) < 0 {
			return true // by a producer that has not published yet, or died
		}
		_, lag := of.Slowest()
		return !r.Geo.Skip && lag >= r.Cap
	}
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
