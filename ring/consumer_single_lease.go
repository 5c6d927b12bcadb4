package ring

import (
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// lease is TryLease. A fresh consumer takes a plain record of one slot the short way: no lease is open, none was
// handed back, and no predecessor had it.
func (c *singleConsumer) lease(l *Lease) error {
	r, p := c.r, c.next
	if !c.fresh || !r.m.Plain || r.m.Load(p) != layout.FullWord(p, 1, r.m.Shift) || c.by.mayEnd() {
		err := c.leaseAny(l)
		c.storeHandout()
		return err
	}
	data, _, err := r.m.Payload(p, 1)
	if err != nil {
		return err
	}
	c.next, c.told, c.fresh = p+1, p+1, false
	// Before the record is handed out: one that dies from here on leaves it to a successor as perhaps seen.
	atomics.StoreRelease64(c.handoutAt, p+1)
	l.fill(data, 0, p, 1, c.base, c.by)
	c.open, c.first = append(c.open[:0], span{end: p + 1}), 0
	return nil
}

// leaseAny takes the oldest returned record, or else the next one. The caller stores
// handout before the program gets to see it.
func (c *singleConsumer) leaseAny(l *Lease) error {
	for len(c.returned) > 0 {
		if err := c.leaseReturned(l); err != region.ErrTorn {
			return err
		}
	}
	if c.skip.on {
		return c.leaseCopy(l, nil)
	}
	return c.leaseNext(l)
}

// leaseBatch stores handout once, before it returns any of the records.
func (c *singleConsumer) leaseBatch(ls []Lease) (n int, err error) {
	for n < len(ls) && err == nil {
		if err = c.leaseAny(&ls[n]); err == nil {
			n++
		}
	}
	c.storeHandout()
	if n > 0 && (err == ErrEmpty || err == ErrLagged) {
		if err == ErrLagged {
			c.skip.jump = jumpPending
		}
		err = nil
	}
	return n, err
}

// storeHandout tells a successor how far records were handed out. It never goes back:
// this consumer may die before it has handed out again all that its predecessor had.
func (c *singleConsumer) storeHandout() {
	if int64(c.next-c.seen) > 0 && c.next != c.told {
		c.told = c.next
		atomics.StoreRelease64(c.handoutAt, c.next)
	}
}

// extentOfNext returns how many slots the record, or the Skip, at p speaks for, where w is the word and a single consumer
// goes on. Errors: ErrEmpty, ErrDamaged.
func (r *Ring) extentOfNext(p uint64, w layout.Word) (k uint64, err error) {
	switch lap := w.CompareLap(p, r.m.Shift); {
	case lap > 0:
		return 0, ErrDamaged // producers can't be a lap ahead of head
	case lap < 0 || w.State() == layout.Free || w.State() == layout.Claimed:
		return 0, ErrEmpty
	case w.State() != layout.Full && w.State() != layout.Skip:
		return 0, ErrDamaged
	}
	if k = r.m.Span(p, w); k == 0 {
		return 0, ErrDamaged
	}
	return k, nil
}

// leaseNext takes the record at next into l.
func (c *singleConsumer) leaseNext(l *Lease) error {
	for range maxTries {
		p := c.next
		w, k := c.r.m.Load(p), uint64(1)
		if w != layout.FullWord(p, 1, c.r.m.Shift) { // else the next line is asked for before this one is here
			var err error
			if k, err = c.r.extentOfNext(p, w); err != nil {
				return err
			}
		}
		if p+k-c.head > c.r.m.Cap {
			return ErrDamaged // no producer writes beyond head and a lap
		}
		if w.State() == layout.Full && c.by.mayEnd() {
			if c.by.lookAtEnds(); c.by.beyond(p) {
				return ErrEmpty
			}
			c.by.ends.got = c.by.ends.got || c.by.ends.limited
		}
		if w.State() == layout.Skip {
			c.pass(p + k)
			continue
		}
		data, _, err := c.sums.Record(&c.r.m, p, k)
		if err == region.ErrTorn {
			c.pass(p + k)
			c.r.dropped()
			continue
		}
		if err != nil {
			return err
		}
		c.next = p + k
		c.fresh = false
		l.fill(data, 0, p, k, c.base+uint64(len(c.open)-c.first), c.by)
		if int64(c.seen-p) > 0 {
			l.Redelivered = c.redeliver(l)
		}
		c.open = append(c.open, span{end: p + k})
		return nil
	}
	return ErrEmpty
}

// pass goes on to end, without handing out what lies before it.
func (c *singleConsumer) pass(end uint64) { c.passLost(end, 0) }

// passLost is pass over so many positions that were lost.
func (c *singleConsumer) passLost(end, lost uint64) {
	c.next = end
	c.open = append(c.open, span{end: end, settled: true, lost: lost})
	c.moveHead()
}

// leaseReturned takes the oldest returned record into l. It drops one that is torn, with
// region.ErrTorn.
func (c *singleConsumer) leaseReturned(l *Lease) error {
	back := c.returned[0]
	if c.skip.on { // its copy was kept
		c.returned = slices.Delete(c.returned, 0, 1)
		back.Redelivered = c.redeliver(&back)
		*l = back
		return nil
	}
	data, _, err := c.sums.Record(&c.r.m, back.pos, uint64(back.k))
	if err != nil && err != region.ErrTorn {
		return err
	}
	c.returned = slices.Delete(c.returned, 0, 1)
	if err == region.ErrTorn {
		c.settle(&back, true)
		c.r.dropped()
		return err
	}
	back.Data = data
	back.Redelivered = c.redeliver(&back)
	*l = back
	return nil
}
