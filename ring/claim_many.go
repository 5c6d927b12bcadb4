package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Where producers are many, a claim is one CAS on the word of the slot at tail,
// from free to Claimed by this seat. There is no instant at which the slots are
// taken and the taker is unknown: a producer that dies before the CAS has taken
// nothing, one that dies after it is named in the word.
//
// tail is moved afterwards, by the claimer or by whoever finds it behind, and
// before the claim is published: who sees a published record at position p sees
// a tail beyond it.

// claimMany claims as many slots as are free at tail, at least least and at most
// most, without crossing the end of the ring. Errors: ErrFull, ErrDamaged.
//
// Preconditions: 1 <= least <= most <= half the slots.
func (p *Producer) claimMany(least, most uint64) (pos, k uint64, err error) {
	r := p.r
	if r.turnOfOther(p.seat) {
		return 0, 0, ErrFull
	}
	for p.spent = 0; p.spent < r.effort(); p.spent++ {
		t := atomics.Load64(r.tail)
		w := r.load(t)
		switch lap := w.CompareLap(t, r.shift); {
		case lap == 0 && w.State() != layout.Free:
			// Claimed in this lap: tail lags behind its claimer. Should t be
			// old itself, tail has moved and the CAS does nothing.
			if k = r.span(t, w); k == 0 {
				return 0, 0, ErrDamaged
			}
			atomics.CAS64(r.tail, t, t+k)
			continue
		case lap > 0:
			// Claimed and consumed since: t is old. If it is not, damage.
			if atomics.Load64(r.tail) == t {
				return 0, 0, ErrDamaged
			}
			continue
		case lap < 0 && r.geo.ManyConsumers:
			if again, err := p.recycle(t, w); again {
				continue
			} else if err != nil {
				return 0, 0, err
			}
			return 0, 0, ErrFull // a consumer still holds it
		}
		// The slot is Free in this lap or, with a single consumer, of an earlier
		// lap that head may have freed. Nobody has claimed at t.
		left := r.cap - t&r.mask
		filler := left < least
		want := min(most, left)
		k, err = p.room(t, want)
		if err != nil || k < min(least, left) {
			// What was seen of head and of the words behind t means something
			// only if t is still unclaimed: a filler claimed at t can be
			// consumed, and head pass it, while tail still says t.
			if r.load(t) != w {
				continue
			}
			return 0, 0, orFull(err)
		}
		claim := layout.ClaimedWord(t, k, p.seat, r.shift)
		if filler {
			claim = layout.SkipWord(t, k, r.shift)
		}
		if !r.cas(t, w, claim) {
			continue
		}
		atomics.CAS64(r.tail, t, t+k)
		if !filler {
			return t, k, nil
		}
		p.filled = true
	}
	return 0, 0, ErrFull
}
