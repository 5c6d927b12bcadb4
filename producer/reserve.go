package producer

import (
	"context"
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// TryReserve returns n bytes in the queue for a record to be written in place.
// Commit sends it, Abort gives the room back; one of them has to follow before
// anything else is sent. While a reservation is open, records that other producers
// send after it are not delivered; also of a queue that was removed the bytes are this
// producer's until Commit, Abort or Close. A program writes in Guard where
// the file may be cut. Errors: as TrySend.
func (p *Raw) TryReserve(n int) (b []byte, err error) {
	if begun := p.end.Enter(); begun != 0 {
		return p.reserveIn(attach.NoWait, begun, n)
	}
	if b, err = p.ring.Reserve(n); err != nil {
		b, err = p.reserveLater(attach.NoWait, n, err)
	}
	return p.reserved(b, err)
}

// Reserve is TryReserve, but waits for room until ctx ends.
func (p *Raw) Reserve(ctx context.Context, n int) (b []byte, err error) {
	if err := ctx.Err(); err != nil { // before the call begins: it is the program's code
		return nil, p.end.Ended(err)
	}
	if begun := p.end.Enter(); begun != 0 {
		return p.reserveIn(ctx, begun, n)
	}
	if b, err = p.ring.Reserve(n); err != nil {
		b, err = p.reserveLater(ctx, n, err)
	}
	return p.reserved(b, err)
}

// reserveIn is the long way, of a call that is due; without ctx it does not wait.
//
//go:noinline
func (p *Raw) reserveIn(ctx context.Context, begun attach.Begun, n int) (b []byte, err error) {
	err = p.end.Go(begun, func() error {
		if b, err = p.ring.Reserve(n); err != nil {
			b, err = p.reserveLater(ctx, n, err)
		}
		if err == nil {
			p.end.Counts.Hold()
		}
		return err
	})
	if err != nil {
		b = nil
	}
	return b, err
}

// reserveLater goes on after the ring has refused.
func (p *Raw) reserveLater(ctx context.Context, n int, err error) (b []byte, _ error) {
	if err == ring.ErrFull && ctx != nil {
		err = p.wait(ctx, n, func() error {
			b, err = p.ring.Reserve(n)
			return err
		})
	} else if err == ring.ErrFull && p.soon() {
		b, err = p.ring.Reserve(n)
	}
	if err != nil {
		return nil, p.refused(err, n)
	}
	return b, nil
}

// reserved ends a call that was not due.
func (p *Raw) reserved(b []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, p.end.Leaving(err)
	}
	if p.end.Hit() {
		return nil, p.end.Leaving(p.end.Lost())
	}
	p.end.Counts.Hold()
	p.end.Leave()
	return b, nil
}

// Commit sends the first n bytes of the reservation as a record. The slice that
// Reserve returned must not be used afterwards. Error: when there is no
// reservation, or it is smaller; and those after which nothing was sent and the producer
// can only be closed, as of TrySend: then the reservation is given back, because others may
// have sent behind it. No other call gives it back: the program may be writing there.
func (p *Raw) Commit(n int) error {
	if begun := p.end.Enter(); begun != 0 {
		err := p.end.Go(begun, func() error {
			if err := p.ring.Commit(n); err != nil {
				return p.uncommitted(err, n)
			}
			p.committed(n)
			return p.settle(1)
		})
		if errors.Is(err, shmq.ErrRemoved) {
			p.Abort()
		}
		return err
	}
	if err := p.ring.Commit(n); err != nil {
		return p.end.Leaving(p.uncommitted(err, n))
	}
	if p.committed(n); p.end.Called(p.end.Data) {
		return p.end.Leaving(p.settle(1))
	}
	p.end.Leave()
	return nil
}

func (p *Raw) uncommitted(err error, n int) error {
	if p.end.Hit() {
		return p.end.Lost()
	}
	return p.end.Fail(fmt.Errorf("commit of %d bytes: %w", n, err))
}

// committed counts.
func (p *Raw) committed(n int) {
	p.end.Counts.HeldSince = 0
	p.sent(1, n)
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
