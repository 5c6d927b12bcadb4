package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A producer that shares the role claims its slots: one CAS on the word of the slot at tail,
// from free to Claimed by this seat. There is no instant at which the slots are
// taken and the taker is unknown: a producer that dies before the CAS has taken
// nothing, one that dies after it is named in the word.
//
// With a single consumer tail is moved afterwards, by the claimer or by any producer that finds
// it behind, and before the claim is published: a participant that sees a published record at
// position p sees a tail beyond it. With many tail follows now and then; see hints.go.

// claimShared claims as many slots as are free at tail, at least least and at most
// most, without crossing the end of the ring. Errors: ErrFull, ErrDamaged.
//
// Preconditions: 1 <= least <= most <= half the slots.
func (p *Producer) claimShared(least, most uint64) (pos, k uint64, err error) {
	pos, k, err = p.search(least, most)
	p.found(err)
	return pos, k, err
}

// claimRun claims up to most slots from tail on where both sides are many, and returns how many; 0 leaves it to
// claimShared to find out why. The first word is not read before, but taken to be free: its line comes to this core once, to be
// written. That the others were free before is enough: they are claimed in order, so not before the first.
//
// Preconditions: both sides are many; 1 <= most <= half the slots.
func (p *Producer) claimRun(most uint64) (k uint64) {
	r, t := p.r, p.tail
	if p.wary || atomics.Load64(r.turn) != 0 {
		return 0
	}
	free := layout.FreeWord(t, r.m.Shift)
	if k = 1; most > 1 && (t+1)&r.m.Mask != 0 {
		k += r.m.Run(t+1, most-1, free)
	}
	if !r.m.CAS(t, free, layout.ClaimedWord(t, k, p.seat, r.m.Shift)) {
		return 0
	}
	p.claimed(t, k)
	return k
}

// found takes note of the result of a search: others count by tail whether there is room.
func (p *Producer) found(err error) {
	if p.roams {
		if p.wary = err != nil; p.wary {
			raise(p.r.tail, p.tail)
		}
	}
}

// from returns the position where a search for a free slot begins.
func (p *Producer) from() (uint64, error) {
	hint := atomics.Load64(p.r.tail)
	if !p.roams {
		return hint, nil
	}
	if int64(p.tail-hint) <= 0 {
		p.tail = hint
	} else if p.tail-hint > p.r.m.MaxLag() {
		return 0, ErrDamaged
	}
	return p.tail, nil
}

func (p *Producer) search(least, most uint64) (pos, k uint64, err error) {
	r := p.r
	turn := r.otherTurn(p.seat)
	for p.spent = 0; p.spent < r.effort(); p.spent++ {
		t, err := p.from()
		if err != nil {
			return 0, 0, err
		}
		w := r.m.Load(t)
		if ok, err := p.unclaimed(t, w); err != nil {
			return 0, 0, err
		} else if !ok {
			continue
		}
		k, filler, err := p.extent(t, least, most, turn)
		if err != nil {
			// The values that head and the words behind t had mean something
			// only if t is still unclaimed: a filler claimed at t can be
			// consumed, and head pass it, while tail still says t.
			if r.m.Load(t) != w {
				continue
			}
			return 0, 0, err
		}
		claim := layout.ClaimedWord(t, k, p.seat, r.m.Shift)
		if filler {
			claim = layout.SkipWord(t, k, r.m.Shift)
		}
		if !r.m.CAS(t, w, claim) {
			continue
		}
		p.claimed(t, k)
		if !filler {
			return t, k, nil
		}
		p.filled = true
	}
	return 0, 0, ErrFull
}

// claimed moves tail, or what the producer remembers of it, over its claim of k slots at t.
func (p *Producer) claimed(t, k uint64) {
	if !p.roams {
		atomics.CAS64(p.r.tail, t, t+k)
		atomics.StoreBarrier() // see announce
		return
	}
	if p.tail = t + k; p.r.crosses(t, k) {
		raise(p.r.tail, p.tail)
	}
}

// unclaimed reports whether w, the word at t = tail, says that no producer has claimed there:
// it is Free in this lap or, with a single consumer, anything of an earlier lap that head
// may have freed. If it does not, tail or the word has moved on, or was helped to.
func (p *Producer) unclaimed(t uint64, w layout.Word) (ok bool, err error) {
	r := p.r
	switch lap := w.CompareLap(t, r.m.Shift); {
	case lap == 0 && w.State() != layout.Free:
		// Claimed in this lap: tail lags behind its claimer. Should t be
		// old itself, tail has moved and the CAS does nothing.
		k := r.m.Span(t, w)
		if k == 0 {
			return false, ErrDamaged
		}
		if p.roams {
			p.tail = t + k
		} else {
			atomics.CAS64(r.tail, t, t+k)
		}
		return false, nil
	case lap > 0 && p.roams:
		if !r.passed(t, w, &p.claims) {
			return false, ErrDamaged
		}
		p.tail = t + 1 // claimed, consumed and freed since
		return false, nil
	case lap > 0:
		// Claimed and consumed since: t is old. If it is not, damage.
		if atomics.Load64(r.tail) == t {
			return false, ErrDamaged
		}
		return false, nil
	case lap < 0 && r.m.Geo.ManyConsumers:
		if again, err := p.recycle(t, w); again || err != nil {
			return false, err
		}
		p.end = t
		return false, ErrFull // a consumer still holds it
	}
	return true, nil
}

// extent returns how many slots to claim at t, of those that are free there and not kept
// for another: at most most, or as a filler all up to the end of the ring, if least would
// cross it. There is no filler without room for the record behind it: it would take from
// others what does not help yet. extent notes in p.end where the free slots end. Errors:
// ErrFull, ErrDamaged.
func (p *Producer) extent(t, least, most uint64, turn layout.Turn) (k uint64, filler bool, err error) {
	left := p.r.m.Cap - t&p.r.m.Mask
	if filler = left < least; filler {
		least += left
		most = least
	}
	if k, err = p.freeSlots(t, min(most, max(left, least))); err != nil {
		return 0, false, err
	}
	if p.end = t + k; k < least {
		return 0, false, ErrFull
	}
	if k, err = leave(turn, t, k, least); filler {
		k = left
	}
	return k, filler, err
}
