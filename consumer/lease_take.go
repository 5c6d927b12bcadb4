package consumer

import (
	"context"

	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// TryLease takes the next record without copying it. Errors: as TryReceive.
func (c *Raw) TryLease() (l Lease, err error) {
	if begun := c.end.Enter(); begun != 0 {
		return c.leaseIn(attach.NoWait, begun)
	}
	if err := c.ring.TryLease(&l.ring); err != nil {
		if err = c.end.Leaving(c.refused(err)); err == ring.ErrPassed {
			return c.TryLease()
		}
		return l, err
	}
	if c.leased(&l); c.end.Hit() {
		return Lease{}, c.end.Leaving(c.end.Lost())
	}
	c.end.Leave()
	return l, nil
}

// Lease is TryLease, but waits for a record until ctx ends.
func (c *Raw) Lease(ctx context.Context) (l Lease, err error) {
	if err := ctx.Err(); err != nil { // before the call begins: it is the program's code
		return l, c.end.Ended(err)
	}
	if begun := c.end.Enter(); begun != 0 {
		return c.leaseIn(ctx, begun)
	}
	err = c.ring.TryLease(&l.ring)
	if err == ring.ErrEmpty {
		err = c.wait(ctx, func() error { return c.ring.TryLease(&l.ring) })
	}
	if err != nil {
		return l, c.end.Leaving(c.refused(err))
	}
	if c.leased(&l); c.end.Hit() {
		return Lease{}, c.end.Leaving(c.end.Lost())
	}
	c.end.Leave()
	return l, nil
}

// leaseIn is the long way, of a call that is due; without ctx it does not wait.
//
//go:noinline
func (c *Raw) leaseIn(ctx context.Context, begun attach.Begun) (l Lease, err error) {
	err = c.end.Go(begun, func() error {
		err := ring.ErrPassed
		for err == ring.ErrPassed {
			err = c.ring.TryLease(&l.ring)
			if err == ring.ErrEmpty && ctx != nil {
				err = c.wait(ctx, func() error { return c.ring.TryLease(&l.ring) })
			}
			if err != nil {
				err = c.refused(err)
			}
		}
		if err != nil {
			return err
		}
		c.leased(&l)
		return nil
	})
	if err != nil {
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
		for err = ring.ErrPassed; err == ring.ErrPassed; {
			n, err = c.ring.TryLeaseBatch(asRing(ls))
			n, err = c.leasedBatch(ls, n, err)
		}
		return err
	})
	return n, err
}

// LeaseBatch is TryLeaseBatch, but waits for the first record until ctx ends.
func (c *Raw) LeaseBatch(ctx context.Context, ls []Lease) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, c.end.Ended(err)
	}
	err = c.end.Do(func() error {
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
	if err != nil && n == 0 { // else the next call meets it: an error comes with no lease
		return 0, c.refused(err)
	}
	c.passOn()
	return n, nil
}
