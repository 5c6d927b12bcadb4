package producer

import (
	"context"
	"fmt"

	"github.com/shmq/shmq/ring"
)

// TryReserve returns n bytes in the queue for a record to be written in place.
// Commit sends it, Abort gives the room back; one of them has to follow before
// anything else is sent. While a reservation is open, records that other producers
// send after it are not delivered. A program writes in Guard where
// the file may be cut. Errors: as TrySend.
func (p *Raw) TryReserve(n int) (b []byte, err error) {
	err = p.end.Do(func() error {
		if b, err = p.ring.Reserve(n); err == ring.ErrFull && p.soon() {
			b, err = p.ring.Reserve(n)
		}
		return p.reserved(err, n)
	})
	return b, err
}

// Reserve is TryReserve, but waits for room until ctx ends.
func (p *Raw) Reserve(ctx context.Context, n int) (b []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, p.end.Ended(err)
	}
	err = p.end.Do(func() error {
		b, err = p.ring.Reserve(n)
		if err == ring.ErrFull {
			err = p.wait(ctx, n, func() error {
				b, err = p.ring.Reserve(n)
				return err
			})
		}
		return p.reserved(err, n)
	})
	return b, err
}

func (p *Raw) reserved(err error, n int) error {
	if err != nil {
		return p.refused(err, n)
	}
	p.end.Counts.Hold()
	return nil
}

// Commit sends the first n bytes of the reservation as a record. The slice that
// Reserve returned must not be used afterwards. Error: when there is no
// reservation, or it is smaller; and those after which nothing was sent and the producer
// can only be closed, as of TrySend.
func (p *Raw) Commit(n int) error {
	return p.end.Do(func() error {
		if err := p.ring.Commit(n); err != nil {
			return p.end.Fail(fmt.Errorf("commit of %d bytes: %w", n, err))
		}
		p.end.Counts.HeldSince = 0
		p.sent(1, n)
		return p.settle(1)
	})
}

// Abort gives the reservation back. Without one it does nothing.
func (p *Raw) Abort() { p.end.Quietly(p.abandon) }

// abandon gives back what is reserved. When the queue was removed that lets consumers get what
// lies behind it.
func (p *Raw) abandon() {
	if p.ring != nil {
		p.ring.Abort()
		p.end.Counts.HeldSince = 0
		p.notify() // a skipped slot is passed over by consumers
	}
}
