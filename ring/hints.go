package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// Where a role is shared, tail or head is a hint from which a participant searches. To move it with
// each claim, or take, would be a second locked instruction on a second line. Where the
// consumers are many a participant remembers where its last one ended, begins there, and
// goes on by the words: they tell which slots were claimed, taken and freed since (see package
// region). So the first word of a slot decides alone, by one compare-and-swap, and the hints
// follow now and then.
//
//	   head                   tail
//	─────┼──────────────────────┼────────────────────────
//	     │ taken │ published    │ claimed │ free
//	             next of some consumer    tail of some producer
//
// A participant moves a hint, forward only and by compare-and-swap,
//
//   - when its claim, or take, crosses a multiple of the ring's stride;
//   - when it has found the ring full, or empty, or has to stop at the end of a stream, before its
//     caller gets to know that: one that is about to sleep, and one that asks whether to wake
//     it, count what is between the hints.
//
// So a hint is behind by less than the stride, and the claims, or takes, under way. A participant
// that dies before it has moved one leaves that to the next who crosses a multiple, or
// finds nothing, and to Sweep, so that deaths don't add up. A hint is never ahead, and always
// where a claim, or take, begins.
//
// With a single consumer tail is moved with each claim and before it is published: such
// a consumer does not free words, so they don't tell what tail has passed.
const strides = 64 // at least in a ring: so depth is off by about a sixteenth of a quarter

// strideOf returns the stride of a ring of so many slots, a power of two. Tests replace it:
// in their rings it would be 1.
var strideOf = func(slots uint64) uint64 { return min(region.MaxStride, max(1, slots/strides)) }

// crosses reports whether a claim, or take, of k slots at p ends at or behind a multiple of the
// stride that p is before.
func (r *Ring) crosses(p, k uint64) bool { return (p^(p+k))&^(r.stride-1) != 0 }

// nextClaim returns the position of the next claim, by the words.
//
// Preconditions: the consumers are many.
func (r *Ring) nextClaim() uint64 { return r.m.Unclaimed(atomics.Load64(r.tail)) }

// nextTake returns the position of the next take, by the words.
//
// Preconditions: the consumers are many.
func (r *Ring) nextTake() uint64 { return r.m.Untaken(atomics.Load64(r.head)) }

// passed reports whether w, a word of a later lap than p's that was found at p, can mean that the
// slot was claimed, taken and freed since: no word is of a position that was not claimed yet.
// (A scribbled Free of the next lap can't be told from one that is meant.) All before claimed is
// known to have been claimed; passed raises it. So a search that passes many slots walks to the
// next claim once.
//
// Preconditions: the consumers are many.
func (r *Ring) passed(p uint64, w layout.Word, claimed *uint64) bool {
	q := w.Position(p&r.m.Mask, p, r.m.Shift)
	if w.State() == layout.Free {
		q -= r.m.Cap
	}
	if int64(*claimed-q) <= 0 {
		*claimed = r.nextClaim()
	}
	return int64(*claimed-q) > 0
}
