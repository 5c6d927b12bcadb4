package inspect

import (
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// The walk of a viewer over the words, by the role of the consumers.

func (v *Viewer) nextMany(rec *Record) error {
	r := v.r
	r.refill()
	copies := 0
	for v.spent = 0; v.spent < v.effort(); v.spent++ {
		p := v.pos
		w := r.Load(p)
		if lap := w.CompareLap(p, r.Shift); lap < 0 {
			return ring.ErrEmpty
		} else if lap > 0 {
			v.passFreed()
			continue
		}
		state := w.State()
		if state == layout.Free {
			if v.unclaimed(p) {
				return ring.ErrEmpty
			}
			if r.Load(p) == w {
				v.pos++ // inside a record
			}
			continue
		}
		k := r.Span(p, w)
		if k == 0 || state > layout.Skip {
			return ring.ErrDamaged
		}
		inTake := int64(v.take.end-p) > 0
		switch state {
		case layout.Skip:
			if inTake {
				v.missed += k // acknowledged
			}
			v.pos += k
			continue
		case layout.Claimed:
			v.writing(rec, p, k, w)
			return nil
		case layout.Full:
			*rec = Record{Pos: p, Slots: k, State: Waiting, Seat: -1, Data: rec.Data[:0]}
			if inTake {
				rec.State, rec.Seat = v.take.state, v.take.seat
			}
		default:
			own := v.first(p, k)
			v.take = taken{p + k, Orphaned, -1}
			if state.Owned() {
				v.take.state, v.take.seat = Leased, w.Seat()
			}
			k = own
			if state == layout.ReadingAcked || state == layout.OrphanAcked {
				v.missed += k
				v.pos += k
				continue
			}
			*rec = Record{Pos: p, Slots: k, State: v.take.state, Seat: v.take.seat, Data: rec.Data[:0]}
		}
		if ok, err := v.attempt(rec, w, k, &copies); ok {
			return err
		}
	}
	return ring.ErrEmpty
}

// unclaimed reports whether no producer has claimed the slot at p. It walks only if the shared
// tail does not tell.
func (v *Viewer) unclaimed(p uint64) bool {
	return int64(v.r.word(layout.HotTail)-p) <= 0 && int64(v.r.tail()-p) <= 0
}

// first returns the slots of the first record of a take of k slots at p: up to the
// next word that is not the inside of a record.
func (v *Viewer) first(p, k uint64) uint64 {
	n := uint64(1)
	for n < k && v.r.Load(p+n) == layout.FreeWord(p+n, v.r.Shift) {
		n++
	}
	return n
}

// passFreed goes on from a position that was consumed.
func (v *Viewer) passFreed() {
	to := v.pos + 1
	if oldest := v.r.word(layout.HotTail) - v.r.Cap; int64(oldest-to) > 0 {
		to = oldest
	}
	v.missed += to - v.pos
	v.pos = to
}

func (v *Viewer) nextOne(rec *Record) error {
	r := v.r
	copies := 0
	for v.spent = 0; v.spent < v.effort(); v.spent++ {
		h := r.head()
		if n := int64(h - v.pos); n > 0 {
			v.missed += uint64(n)
			v.pos = h
		}
		p := v.pos
		w := r.Load(p)
		if lap := w.CompareLap(p, r.Shift); lap < 0 || lap == 0 && w.State() == layout.Free {
			return ring.ErrEmpty
		} else if lap > 0 {
			if r.head() == h {
				return ring.ErrDamaged
			}
			continue
		}
		k := r.Span(p, w)
		if k == 0 || p+k-h > r.Cap {
			if r.head() == h {
				return ring.ErrDamaged
			}
			continue
		}
		switch w.State() {
		case layout.Skip:
			v.pos += k
			continue
		case layout.Claimed:
			v.writing(rec, p, k, w)
			return nil
		case layout.Full:
		default:
			return ring.ErrDamaged
		}
		*rec = Record{Pos: p, Slots: k, State: Waiting, Seat: -1, Data: rec.Data[:0]}
		if int64(r.handout()-p) > 0 {
			rec.State = Leased
		}
		if ok, err := v.attempt(rec, w, k, &copies); ok {
			return err
		}
	}
	return ring.ErrEmpty
}
