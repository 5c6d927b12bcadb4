package producer

import (
	"context"

	"github.com/shmq/shmq/ring"
)

// TrySend copies b into the queue as one record. Errors: shmq.ErrFull,
// shmq.ErrTooLarge, shmq.ErrDamaged, shmq.ErrClosed; those after which the producer can
// only be closed: shmq.ErrRemoved, shmq.ErrTruncated, shmq.ErrNoSpace; and with
// Options.Durability shmq.ErrSync, with which the record is in the queue, but not known
// to be on the disk.
func (p *Raw) TrySend(b []byte) error {
	if p.end.Guarded {
		return p.end.InPanics(func() error { return p.TrySend(b) })
	}
	if p.end.Due() {
		if err := p.end.Attend(); err != nil {
			return err
		}
	}
	if err := p.ring.Send(b); err != nil {
		return p.refused(err, len(b))
	}
	p.sent(1, len(b))
	if p.unsettled() || p.end.Hit() {
		return p.settle(1)
	}
	return nil
}

// Send is TrySend, but waits for room until ctx ends; then it returns the error of
// ctx, and the record was not sent.
func (p *Raw) Send(ctx context.Context, b []byte) error {
	if p.end.Guarded {
		return p.end.InPanics(func() error { return p.Send(ctx, b) })
	}
	if p.end.Due() {
		if err := p.end.Attend(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return p.end.Fail(err)
	}
	err := p.ring.Send(b)
	if err != nil {
		return p.sendLater(ctx, b, err)
	}
	p.sent(1, len(b))
	if p.unsettled() || p.end.Hit() {
		return p.settle(1)
	}
	return nil
}

// sendLater goes on where the ring refused a record.
func (p *Raw) sendLater(ctx context.Context, b []byte, err error) error {
	if err == ring.ErrFull {
		err = p.wait(ctx, len(b), func() error { return p.ring.Send(b) })
	}
	if err != nil {
		return p.refused(err, len(b))
	}
	p.sent(1, len(b))
	return p.settle(1)
}

// sent counts.
func (p *Raw) sent(n, bytes int) {
	p.end.Counts.Records += uint64(n)
	p.end.Counts.Bytes += uint64(bytes)
}
