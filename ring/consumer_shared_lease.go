package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// lease is TryLease. A plain record of one slot that stands where it is looked for goes the short way: the
// compare-and-swap of take, as receive has it.
func (c *sharedConsumer) lease(l *Lease) error {
	r, h := c.r, c.next
	line := r.m.LineAt(h)
	full := uint64(layout.FullWord(h, 1, r.m.Shift))
	seen := atomics.Load64((*uint64)(line)) == full
	if c.backlog() { // asked after the word was seen; see receive
		if err := c.inherit(l); err != ErrEmpty {
			return err
		}
		seen = false
	}
	if seen && r.m.Plain && !c.by.ends.limited &&
		atomics.CAS64((*uint64)(line), full, uint64(layout.ReadingWord(h, 1, c.seat, false, r.m.Shift))) {
		// From here on the word names the holder: one that dies leaves it to Sweep.
		c.held++ // if it is damaged the word stays ours until Close
		c.took(h, 1)
		return c.leaseOne(l, h)
	}
	return c.leaseAny(l)
}

// leaseOne makes l the lease of the record of one slot that was taken at p.
func (c *sharedConsumer) leaseOne(l *Lease, p uint64) error {
	data, meta, err := c.r.m.Payload(p, 1)
	if err != nil {
		return err
	}
	l.fill(data, int(meta>>layout.MetaDeliveriesShift), p, 1, c.numbers, c.by)
	c.numbers++
	return nil
}

// leaseAny takes whatever comes next.
func (c *sharedConsumer) leaseAny(l *Lease) error {
	for range maxTries {
		if _, _, err := c.take(1); err != nil {
			return err
		}
		at := c.picked[0]
		data, meta, err := c.sums.Record(&c.r.m, at.pos, at.k)
		if err != nil && err != region.ErrTorn {
			return err
		}
		l.fill(data, int(meta>>layout.MetaDeliveriesShift), at.pos, at.k, c.numbers, c.by)
		c.numbers++
		if err == nil {
			return nil
		}
		c.drop(l)
	}
	return ErrEmpty
}

// drop is ack for a record that no caller gets to see. Until it is done a consumer
// that dies leaves the record to another one, which drops it.
func (c *sharedConsumer) drop(l *Lease) {
	c.ack(l)
	*l = Lease{}
	c.r.dropped()
}

func (c *sharedConsumer) leaseBatch(ls []Lease) (int, error) {
	if c.backlog() {
		if err := c.inherit(&ls[0]); err != ErrEmpty {
			if err != nil {
				return 0, err
			}
			return 1, nil
		}
	}
	for range maxTries {
		if n, err := c.leaseTaken(ls); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, ErrEmpty
}

// leaseTaken takes records once and returns how many it leased; 0 without an error when
// all of them were torn.
func (c *sharedConsumer) leaseTaken(ls []Lease) (leased int, err error) {
	n, k, err := c.take(len(ls))
	if err != nil {
		return 0, err
	}
	var b *batch
	seq := c.numbers
	if n > 1 {
		b = c.newBatch(c.picked[0].pos, k)
		c.openBatch(b, n)
	} else {
		c.numbers++
	}
	for i, at := range c.picked[:n] {
		data, meta, err := c.sums.Record(&c.r.m, at.pos, at.k)
		if err != nil && err != region.ErrTorn {
			return leased, err
		}
		l := &ls[leased]
		l.fill(data, int(meta>>layout.MetaDeliveriesShift), at.pos, at.k, seq+uint64(i), c.by)
		l.batch = b
		if err == region.ErrTorn {
			c.drop(l)
			continue
		}
		leased++
	}
	return leased, nil
}
