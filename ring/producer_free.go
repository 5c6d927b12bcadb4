package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// How a producer learns that slots are free.
//
// With a single consumer, head says it: all before head is free, whatever the
// words there hold. With many, records are freed in any order, and the words
// say it: a slot is free when its word is Free in the lap of the position.

// freeSlots counts the free slots from position t on, up to want.
func (p *Producer) freeSlots(t, want uint64) (uint64, error) {
	switch {
	case p.r.m.Geo.ManyConsumers:
		return p.freeByWords(t, want)
	case p.r.m.Geo.Each:
		return p.freeByGate(t, want)
	}
	return p.freeByHead(t, want)
}

// freeByHead reads the shared head only when the last value seen says that there
// is too little room: head's line moves to this core once a lap, not once a
// record.
func (p *Producer) freeByHead(t, want uint64) (uint64, error) {
	r := p.r
	if t+want-p.headSeen <= r.m.Cap {
		return want, nil
	}
	h := atomics.Load64(r.head)
	if t-h > r.m.Cap {
		return 0, ErrDamaged // more than a lap apart, or head beyond tail
	}
	p.headSeen = h
	return min(want, r.m.Cap-(t-h)), nil
}

// freeByWords reads the words in order. A claim of the first slot is then a claim
// of all: only the slot at tail can be claimed, so while its word stays as it was
// no producer can have taken the others.
func (p *Producer) freeByWords(t, want uint64) (uint64, error) {
	r := p.r
	p.spent += want
	for k := range want {
		q, free := t+k, layout.FreeWord(t+k, r.m.Shift)
		w := r.m.Load(q)
		if w == free {
			continue
		}
		again, err := p.recycle(q, w)
		if err != nil || !again || r.m.Load(q) != free || p.spent > r.effort() {
			return k, err // once recycled a word is Free, or q was claimed
		}
	}
	return want, nil
}

// recycle frees the slots of a Skip of the last lap that a producer meets, as
// word w, at position q. It reports whether q is worth another try.
//
// Several producers may be at it, and one may die in the middle: each change is a
// CAS from the last lap to this one, so it happens once, and goes from the last word to
// the first, so the Skip is there to be found until all is done.
func (p *Producer) recycle(q uint64, w layout.Word) (again bool, err error) {
	r, s := p.r, q-p.r.m.Cap
	if w.State() != layout.Skip || w.CompareLap(s, r.m.Shift) != 0 {
		return false, nil
	}
	k := r.m.Span(s, w)
	if k == 0 {
		return false, ErrDamaged
	}
	if h := atomics.Load64(r.head); int64(h-s) <= 0 {
		next := r.m.Untaken(h)
		p.spent += next - h
		if int64(next-s) <= 0 {
			return false, nil // what lies before it was not consumed yet
		}
		raise(r.head, next)
	}
	p.spent += k
	next := layout.FreeWord(q, r.m.Shift)
	for i := k - 1; i > 0; i-- {
		if inner := r.m.Load(s + i); inner.CompareLap(s, r.m.Shift) == 0 {
			r.m.CAS(s+i, inner, next)
		}
	}
	r.m.CAS(s, w, next)
	return true, nil
}
