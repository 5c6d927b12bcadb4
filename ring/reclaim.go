package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Reclaimed tells what Reclaim found under a seat.
type Reclaimed struct {
	Claims int // claims without a record, now skipped
	Takes  int // takes, of one or more records, now orphaned
}

// Reclaim takes back every slot whose word names seat: a claim becomes Skip, since
// its record was never sent; a take becomes Orphan, for another consumer. It may
// be interrupted anywhere and done again by another: each word changes once, by
// CAS, and words that were changed no longer name the seat. Sleeping participants
// of both sides should be woken afterwards.
//
// Preconditions: the caller holds the seat's lock, so its owner is dead or is the
// caller. (To ask for the lock and not keep it would rob the living: the seat may
// be taken again between the question and the CAS.)
func (r *Ring) Reclaim(seat int) Reclaimed {
	var found Reclaimed
	for i := range r.cap {
		w := r.load(i)
		if !w.State().Owned() || w.Seat() != seat {
			continue
		}
		k := r.span(i, w)
		if k == 0 {
			continue // scribble; nobody's claim says 0
		}
		if w.State() == layout.Claimed {
			p := w.Position(i, atomics.Load64(r.tail), r.shift)
			atomics.CAS64(r.tail, p, p+k)
			if r.cas(p, w, layout.SkipWord(p, k, r.shift)) {
				atomics.Add64(r.skipped, 1)
				found.Claims++
			}
			continue
		}
		p := w.Position(i, atomics.Load64(r.head), r.shift)
		atomics.CAS64(r.head, p, p+k)
		if r.cas(p, w, layout.OrphanWord(p, k, w.State() == layout.ReadingAcked, r.shift)) {
			found.Takes++
		}
	}
	// Without this a turn whose holder died lapses but stays to be looked at.
	r.dropTurn(seat)
	// Always, and last: an earlier recoverer may have died just before this.
	atomics.Add64(r.orphans, 1)
	return found
}
