package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// take claims up to most records at head with one CAS and notes their places in picked.
// It returns their number and the slots they span together.
func (c *sharedConsumer) take(most int) (n int, k uint64, err error) {
	r := c.r
	for spent := uint64(0); spent < r.effort(); spent++ {
		hint := atomics.Load64(r.head)
		c.next = region.Later(c.next, hint)
		h := c.next
		if h-hint > r.m.MaxLag() {
			return 0, 0, ErrDamaged
		}
		w := r.m.Load(h)
		if lap := w.CompareLap(h, r.m.Shift); lap < 0 {
			return 0, 0, c.caughtUp()
		} else if lap > 0 {
			if !r.passed(h, w, &c.claimed) {
				return 0, 0, ErrDamaged
			}
			c.next = h + 1 // taken and freed since
			continue
		}
		st := w.State()
		if st == layout.Free || st == layout.Claimed {
			return 0, 0, c.caughtUp()
		}
		if k = r.m.Span(h, w); k == 0 || st > layout.Skip {
			return 0, 0, ErrDamaged
		}
		if st == layout.Full {
			c.picked = append(c.picked[:0], pick{h, k})
			if most > 1 {
				k = c.gather(most)
			}
			n = len(c.picked)
			if c.by.mayEnd() { // asked after the words were seen
				if n = c.by.within(c.picked); n == 0 {
					return 0, 0, c.caughtUp()
				}
				last := c.picked[n-1]
				k = last.pos + last.k - h
			}
			if !r.m.CAS(h, w, layout.ReadingWord(h, k, c.seat, false, r.m.Shift)) {
				spent += uint64(n)
				continue
			}
			c.took(h, k)
			c.held += n
			c.by.ends.got = c.by.ends.got || c.by.ends.limited
			return n, k, nil
		}
		c.next = h + k // taken, orphaned or skipped
	}
	return 0, 0, c.caughtUp()
}

// took goes on behind a take of k slots at h, which is this consumer's.
func (c *sharedConsumer) took(h, k uint64) {
	if c.next = h + k; c.r.crosses(h, k) {
		raise(c.r.head, c.next)
	}
}

// caughtUp moves head to next, where there is nothing for this consumer to take: others count by it whether there
// is room. It returns ErrEmpty.
func (c *sharedConsumer) caughtUp() error {
	if c.told != c.next {
		c.told = c.next
		raise(c.r.head, c.next)
	}
	return ErrEmpty
}

// gather extends a take over the published records that follow the first, up to
// the end of the ring, the first gap, or half the slots.
func (c *sharedConsumer) gather(most int) (k uint64) {
	r := c.r
	h := c.picked[0].pos
	k = c.picked[0].k
	one, limit := layout.FullWord(h, 1, r.m.Shift), r.m.Geo.MaxSlotsPerRecord()
	for len(c.picked) < most {
		q, kq := h+k, uint64(1)
		if q&r.m.Mask == 0 {
			break
		}
		// Most records have one slot, so the next line is asked for before this one is here.
		if w := r.m.Load(q); w != one {
			if kq = r.m.Span(q, w); w.State() != layout.Full || w.CompareLap(h, r.m.Shift) != 0 || kq == 0 {
				break
			}
		}
		if k+kq > limit {
			break
		}
		c.picked = append(c.picked, pick{q, kq})
		k += kq
	}
	return k
}

// freeTake frees k slots from p on for the next lap, the last one first. Until the first word
// changes it names their holder. A record that is not the first of the take becomes free in the
// same order, so that a walk which finds its first word free finds the others free (see package
// region). No other participant writes these words meanwhile, because a producer that walks
// towards them stops at the first.
//
// Preconditions: the caller owns the take at p; for k > 1 its word says that the
// first record is acknowledged.
func (r *Ring) freeTake(p, k uint64) {
	r.m.StoreRunDown(p, k, layout.FreeWord(p+r.m.Cap, r.m.Shift)) // which a take's slots have in common
}

// freeOne is freeTake for a take of one slot, and asks for the line that a later take needs.
func (r *Ring) freeOne(p uint64) {
	atomics.StoreReleaseAsking64(r.m.WordAt(p), uint64(layout.FreeWord(p+r.m.Cap, r.m.Shift)), r.m.LineAt(p+ahead))
}
