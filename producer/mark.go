package producer

import (
	"context"
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Mark goes with a record, and says how far its producer has read the source that it copies into
// the queue: 16 bytes that mean what the producer wants them to, such as an offset, or a sequence
// number and the time at which the source was made. The zero value suits the beginning of a
// source. Marks can be compared.
type Mark = layout.Mark

// Mark returns the mark of the last marked record that is in the queue, whether it was consumed
// since or not; ok is false, and the mark zero, if there never was one. Right after Open that
// is what all earlier producers left, however they ended; afterwards it is that of the last
// record that this one has sent with a mark. So a program that copies a source which can be
// read again goes on behind that mark, and each part of the source is in the queue once.
//
// After a power failure it is the mark of the last record that survived: the later one of
// the last record with a mark that this producer, or an earlier one, had synced (Sync, and
// Options.Durability), and of the last one with a mark that was found whole. Of the records
// before that one some may be missing that were not synced: none is with Options.Durability of
// 1 for a source that is sent record by record, since only the last one can be unsynced.
//
// Errors: shmq.ErrManyProducers; shmq.ErrClosed; shmq.ErrDamaged if a peer has written where
// marks are. The next record with a mark mends that.
func (p *Raw) Mark() (m Mark, ok bool, err error) {
	err = p.end.Do(func() (err error) {
		if m, ok, err = p.ring.Mark(); err == nil {
			return nil
		}
		switch err {
		case ring.ErrManyProducers:
			err = manyProducers()
		case ring.ErrDamaged:
			err = fmt.Errorf("%w: no producer leaves such marks; find out from the records how far it got, and send the next one with a mark, which mends them", err)
		}
		return p.end.Fail(&shmq.Error{Op: "read the mark of", Queue: p.Name(), Err: err})
	})
	return m, ok, err
}

// TrySendMarked is TrySend for a record with a mark: either both are in the queue or neither
// is, whatever happens. It costs a few stores more than TrySend. Errors: those of TrySend;
// shmq.ErrManyProducers.
func (p *Raw) TrySendMarked(b []byte, mark Mark) error {
	return p.sendMarked(attach.NoWait, b, mark)
}

// SendMarked is TrySendMarked, but waits for room until ctx ends; then it returns the error of
// ctx, and the record was not sent.
func (p *Raw) SendMarked(ctx context.Context, b []byte, mark Mark) error {
	if err := ctx.Err(); err != nil {
		return p.end.Ended(err)
	}
	return p.sendMarked(ctx, b, mark)
}

func (p *Raw) sendMarked(ctx context.Context, b []byte, mark Mark) error {
	if begun := p.end.Enter(); begun != 0 {
		return p.sendMarkedIn(ctx, begun, b, mark)
	}
	if err := p.ring.SendMarked(b, mark); err != nil {
		return p.end.Leaving(p.sendMarkedLater(ctx, b, mark, err))
	}
	p.sent(1, len(b))
	if p.end.Called(p.end.Data) {
		return p.end.Leaving(p.settle(1))
	}
	p.end.Leave()
	return nil
}

// sendMarkedIn is the long way, of a call that is due.
//
//go:noinline
func (p *Raw) sendMarkedIn(ctx context.Context, begun attach.Begun, b []byte, mark Mark) error {
	return p.end.Go(begun, func() error { return p.sendMarkedLater(ctx, b, mark, p.ring.SendMarked(b, mark)) })
}

// sendMarkedLater goes on after the ring has taken a record, or refused it.
func (p *Raw) sendMarkedLater(ctx context.Context, b []byte, mark Mark, err error) error {
	if err == ring.ErrFull && ctx != nil {
		err = p.wait(ctx, len(b), func() error { return p.ring.SendMarked(b, mark) })
	} else if err == ring.ErrFull && p.soon() {
		err = p.ring.SendMarked(b, mark)
	}
	if err != nil {
		return p.refused(err, len(b))
	}
	p.sent(1, len(b))
	return p.settle(1)
}

// TrySendBatchMarked is TrySendBatch for records with marks, one for each. Records that are
// in the queue have theirs, wherever a batch is cut off. Errors: those of TrySendBatch;
// shmq.ErrManyProducers; shmq.ErrOption if there are more marks than records, or fewer.
func (p *Raw) TrySendBatchMarked(recs [][]byte, marks []Mark) (n int, err error) {
	if err := p.matched(len(recs), len(marks)); err != nil || len(recs) == 0 {
		return 0, err
	}
	err = p.end.Do(func() error {
		if n, err = p.ring.SendBatchMarked(recs, marks); err == ring.ErrFull && p.soon() {
			n, err = p.ring.SendBatchMarked(recs, marks)
		}
		n, err = p.batched(recs, n, err)
		return err
	})
	return n, err
}

// SendBatchMarked sends all of recs, each with its mark, and waits for room until ctx ends. It
// returns how many were sent, as SendBatch does. Errors: those of SendBatch;
// shmq.ErrManyProducers; shmq.ErrOption if there are more marks than records, or fewer.
func (p *Raw) SendBatchMarked(ctx context.Context, recs [][]byte, marks []Mark) (sent int, err error) {
	if err := p.matched(len(recs), len(marks)); err != nil || len(recs) == 0 {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, p.end.Ended(err)
	}
	err = p.end.Do(func() error { return p.sendBatch(ctx, recs, marks, &sent) })
	return sent, err
}

func (p *Raw) matched(records, marks int) error {
	if records == marks {
		return nil
	}
	return p.end.Do(func() error {
		return p.end.Fail(fmt.Errorf("%w: %d records and %d marks, want a mark for each record", shmq.ErrOption, records, marks))
	})
}

// CommitMarked is Commit for a record with a mark. Errors: those of Commit;
// shmq.ErrManyProducers, and then the reservation is still open.
func (p *Raw) CommitMarked(n int, mark Mark) error {
	return p.end.Do(func() error {
		switch err := p.ring.CommitMarked(n, mark); {
		case errors.Is(err, ring.ErrManyProducers):
			return p.end.Fail(manyProducers())
		case err != nil:
			return p.end.Fail(fmt.Errorf("commit of %d bytes: %w", n, err))
		}
		p.end.Counts.HeldSince = 0
		p.sent(1, n)
		return p.settle(1)
	})
}
