package consumer

import (
	"context"

	"github.com/shmq/shmq/ring"
)

// TryLease takes the next record without copying it. Errors: as TryReceive.
func (c *Raw) TryLease() (l Lease, err error) {
	if c.end.Guarded {
		return c.leaseInPanics(c.TryLease)
	}
	if c.end.Due() {
		if err := c.end.Attend(); err != nil {
			return l, err
		}
	}
	if err := c.ring.TryLease(&l.ring); err != nil {
		return l, c.refused(err)
	}
	if c.leased(&l); c.end.Hit() {
		return Lease{}, c.end.Lost()
	}
	return l, nil
}

// Lease is TryLease, but waits for a record until ctx ends.
func (c *Raw) Lease(ctx context.Context) (l Lease, err error) {
	if c.end.Guarded {
		return c.leaseInPanics(func() (Lease, error) { return c.Lease(ctx) })
	}
	if c.end.Due() {
		if err := c.end.Attend(); err != nil {
			return l, err
		}
	}
	if err := ctx.Err(); err != nil {
		return l, c.end.Fail(err)
	}
	err = c.ring.TryLease(&l.ring)
	if err == ring.ErrEmpty {
		err = c.wait(ctx, func() error { return c.ring.TryLease(&l.ring) })
	}
	if err != nil {
		return l, c.refused(err)
	}
	if c.leased(&l); c.end.Hit() {
		return Lease{}, c.end.Lost()
	}
	return l, nil
}

func (c *Raw) leaseInPanics(lease func() (Lease, error)) (l Lease, err error) {
	err = c.end.InPanics(func() error {
		l, err = lease()
		return err
	})
	if c.ring == nil { // lost on the way
		l = Lease{}
	}
	return l, err
}

func (c *Raw) leased(l *Lease) {
	c.end.Counts.Hold()
	if l.ring.Redelivered > 0 {
		c.end.Counts.Redelivered++
		c.relieved()
	}
	c.passOn()
}

// TryLeaseBatch takes as many records as are ready, at most len(ls), and returns
// their number; shmq.ErrEmpty only if it is 0. With many consumers it costs one
// claim where TryLease costs one for each record, and their slots become free when
// the last of them is acknowledged.
func (c *Raw) TryLeaseBatch(ls []Lease) (n int, err error) {
	err = c.end.Do(func() error {
		n, err = c.ring.TryLeaseBatch(asRing(ls))
		n, err = c.leasedBatch(ls, n, err)
		return err
	})
	return n, err
}

// LeaseBatch is TryLeaseBatch, but waits for the first record until ctx ends.
func (c *Raw) LeaseBatch(ctx context.Context, ls []Lease) (n int, err error) {
	err = c.end.Do(func() error {
		if err := ctx.Err(); err != nil {
			return c.end.Fail(err)
		}
		rs := asRing(ls)
		n, err = c.ring.TryLeaseBatch(rs)
		if err == ring.ErrEmpty {
			err = c.wait(ctx, func() error {
				n, err = c.ring.TryLeaseBatch(rs)
				return err
			})
		}
		n, err = c.leasedBatch(ls, n, err)
		return err
	})
	return n, err
}

func (c *Raw) leasedBatch(ls []Lease, n int, err error) (int, error) {
	if c.end.Hit() {
		return 0, c.end.Lost()
	}
	if n > 0 {
		c.end.Counts.Hold()
	}
	for i := range ls[:n] {
		if ls[i].ring.Redelivered > 0 {
			c.end.Counts.Redelivered++
			c.relieved()
		}
	}
	if err != nil {
		return n, c.refused(err)
	}
	c.passOn()
	return n, nil
}
