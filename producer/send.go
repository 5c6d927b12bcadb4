package producer

import (
	"context"

	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// TrySend copies b into the queue as one record. Errors: shmq.ErrFull,
// shmq.ErrTooLarge, shmq.ErrDamaged, shmq.ErrClosed; those after which the producer can
// only be closed: shmq.ErrRemoved, shmq.ErrTruncated, shmq.ErrNoSpace; and with
// Options.Durability shmq.ErrSync, with which the record is in the queue, but not known
// to be on the disk.
func (p *Raw) TrySend(b []byte) error {
	if begun := p.end.Enter(); begun != 0 {
		return p.sendIn(attach.NoWait, begun, b)
	}
	if err := p.ring.Send(b); err != nil {
		return p.end.Leaving(p.sendLater(attach.NoWait, b, err))
	}
	p.sent(1, len(b))
	if p.end.Called(p.end.Data) {
		return p.end.Leaving(p.settle(1))
	}
	p.end.Leave()
	return nil
}

// Send is TrySend, but waits for room until ctx ends; then it returns the error of
// ctx, and the record was not sent.
func (p *Raw) Send(ctx context.Context, b []byte) error {
	if err := ctx.Err(); err != nil { // before the call begins: it is the program's code
		return p.end.Ended(err)
	}
	if begun := p.end.Enter(); begun != 0 {
		return p.sendIn(ctx, begun, b)
	}
	if err := p.ring.Send(b); err != nil {
		return p.end.Leaving(p.sendLater(ctx, b, err))
	}
	p.sent(1, len(b))
	if p.end.Called(p.end.Data) {
		return p.end.Leaving(p.settle(1))
	}
	p.end.Leave()
	return nil
}

// sendIn is the long way, of a call that is due; without ctx it does not wait.
//
//go:noinline
func (p *Raw) sendIn(ctx context.Context, begun attach.Begun, b []byte) error {
	return p.end.Go(begun, func() error { return p.sendLater(ctx, b, p.ring.Send(b)) })
}

// sendLater goes on after the ring has taken a record, or refused it.
func (p *Raw) sendLater(ctx context.Context, b []byte, err error) error {
	if err == ring.ErrFull && ctx != nil {
		err = p.wait(ctx, len(b), func() error { return p.ring.Send(b) })
	} else if err == ring.ErrFull && p.soon() {
		err = p.ring.Send(b)
	}
	if err != nil {
		return p.refused(err, len(b))
	}
	p.sent(1, len(b))
	return p.settle(1)
}

// sent counts.
func (p *Raw) sent(n, bytes int) {
	counts := p.end.Counts
	counts.Records += uint64(n)
	counts.Bytes += uint64(bytes)
}
