package region

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Where the consumers are many head is a hint, and where both sides are many so is tail: a
// position where a claim, or a take, began or ended, and which may lag; see ring/hints.go.
// The words tell where it would be if it did not. A walk goes from the hint over what was
// claimed, or taken, since:
//
//   - A word of the position's own lap tells how many slots it speaks for; the walk passes all.
//   - A word of a later lap tells that the slot was freed since. The walk passes that one
//     slot. The slots of a take, and of each record in it, become free from the last one to the
//     first, so the inner ones that follow are free too, and the walk does not stop inside.
//
// Meanwhile others go on. A walk that has fallen behind meets words of later laps, and goes on
// from the hint as it is by then. So before the position where it stops everything was
// claimed, or taken, at that time, and everything that was when it began lies before it.

// MaxStride is how many slots a hint may be behind without a participant that is about to move it.
const MaxStride = 16

// MaxLag bounds how far a walk goes beyond the hint. A hint lags by a fraction of it, unless
// somebody scribbled: a claim, or take, that its owner holds keeps the others within a lap
// of it; one that was given up before the hint followed leaves that behind by the stride, for each
// participant that was stopped there, and Sweep lifts it for those that died.
func (r *Region) MaxLag() uint64 { return 4*r.Cap + MaxStride*uint64(r.Geo.Seats) }

// The states of the position's lap at which walks stop.
const (
	unclaimed = 1 << layout.Free
	untaken   = unclaimed | 1<<layout.Claimed | 1<<layout.Full
)

// Unclaimed walks from p, or tail if that is later, to the first slot that no producer has
// claimed.
//
// Preconditions, as of Untaken: the consumers are many; p was returned by the same function, or
// is where a claim, or take, begins or ends.
func (r *Region) Unclaimed(p uint64) uint64 {
	most := r.MaxLag()
	return r.UnclaimedWithin(p, &most)
}

// Untaken walks from p, or head if that is later, to the first slot that no consumer has taken:
// a record, a claim or a slot that is free.
func (r *Region) Untaken(p uint64) uint64 {
	most := r.MaxLag()
	return r.UntakenWithin(p, &most)
}

// UnclaimedWithin is Unclaimed, but reads at most so many words, and counts them off.
func (r *Region) UnclaimedWithin(p uint64, most *uint64) uint64 {
	return r.walk(p, r.Hot(layout.HotTail), unclaimed, most)
}

// UntakenWithin is Untaken, but reads at most so many words, and counts them off.
func (r *Region) UntakenWithin(p uint64, most *uint64) uint64 {
	return r.walk(p, r.Hot(layout.HotHead), untaken, most)
}

func (r *Region) walk(p uint64, hint *uint64, stops uint16, most *uint64) uint64 {
	p = Later(p, atomics.Load64(hint))
	for ; *most > 0; *most-- {
		w := r.Load(p)
		if lap := w.CompareLap(p, r.Shift); lap > 0 {
			p = Later(p+1, atomics.Load64(hint))
			continue
		} else if lap < 0 || stops>>w.State()&1 != 0 {
			break
		}
		k := r.Span(p, w)
		if k == 0 {
			break // scribble
		}
		p += k
	}
	return p
}

// Later returns the later one of two positions.
func Later(p, q uint64) uint64 {
	if int64(p-q) > 0 {
		return p
	}
	return q
}
