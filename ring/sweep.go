package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Swept tells what Sweep found under a seat.
type Swept struct {
	Claims  int // claims without a record, now skipped
	Takes   int // takes, of one or more records, now orphaned
	Records int // of those takes that are to be delivered again; 0 if it was freeing one
}

// Sweep passes over all words and changes those that name seat: a claim becomes Skip,
// since its record was never sent; a take becomes Orphan, for another consumer. It may
// be interrupted anywhere and done again by another: each word changes once, by
// CAS, and words that were changed no longer name the seat. Sleeping participants
// of both sides should be woken afterwards.
//
// Preconditions: the caller holds the seat's lock, so its owner is dead or is the
// caller. (To ask for the lock and not keep it would rob a living one: the seat may
// be taken again between the question and the CAS.)
func (r *Ring) Sweep(seat int) Swept {
	var found Swept
	for i := range r.m.Cap {
		w := r.m.Load(i)
		if !w.State().Owned() || w.Seat() != seat {
			continue
		}
		switch k := r.m.Span(i, w); {
		case k == 0: // scribble: no claim says 0
		case w.State() == layout.Claimed:
			found.Claims += r.sweepClaim(i, k, w)
		default:
			n, ok := r.sweepTake(i, k, w)
			if ok {
				found.Takes++
				found.Records += n
			}
		}
	}
	if r.m.Geo.ManyConsumers { // its owner may not have moved them, nor any later one that died
		raise(r.head, r.nextTake())
		if r.m.Geo.ManyProducers {
			raise(r.tail, r.nextClaim())
		}
	}
	// Without this a turn of a dead holder lapses, but stays to be read by each claim.
	r.dropTurn(seat)
	// Always, and last: an earlier recoverer may have died just before this.
	atomics.Add64(r.orphans, 1)
	return found
}

// sweepClaim abandons the claim w of k slots at index i, and returns how many it was. tail
// is helped first, as a claimer does before it publishes.
func (r *Ring) sweepClaim(i, k uint64, w layout.Word) int {
	p := w.Position(i, atomics.Load64(r.tail), r.m.Shift)
	atomics.CAS64(r.tail, p, p+k)
	if !r.m.CAS(p, w, layout.SkipWord(p, k, r.m.Shift)) {
		return 0
	}
	atomics.Add64(r.skipped, 1)
	return 1
}

// sweepTake orphans the take w of k slots at index i, and returns how many records it has
// that are not acknowledged. head is helped first, as a taker does before it frees.
func (r *Ring) sweepTake(i, k uint64, w layout.Word) (n int, ok bool) {
	p := w.Position(i, atomics.Load64(r.head), r.m.Shift)
	atomics.CAS64(r.head, p, p+k)
	acked := w.State() == layout.ReadingAcked
	n = r.unacknowledged(p, k, acked)
	return n, r.m.CAS(p, w, layout.OrphanWord(p, k, acked, r.m.Shift))
}

// unacknowledged counts the records of a take: the first, unless that is acknowledged, and
// those whose word is still Full.
func (r *Ring) unacknowledged(p, k uint64, acked bool) (n int) {
	if !acked {
		n++
	}
	for i := uint64(1); i < k; i++ {
		if w := r.m.Load(p + i); w.State() == layout.Full && w.CompareLap(p, r.m.Shift) == 0 {
			n++
		}
	}
	return n
}
