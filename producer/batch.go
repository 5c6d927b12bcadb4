package producer

import (
	"context"
	"errors"

	"github.com/shmq/shmq/ring"
)

// TrySendBatch copies records into the queue, as many as there is room for, and
// returns their number; shmq.ErrFull only if it is 0. With many producers it costs
// one claim where TrySend costs one for each record. Consumers may get the records
// in several parts. A record that is too large ends the batch before it.
func (p *Raw) TrySendBatch(recs [][]byte) (n int, err error) {
	err = p.end.Do(func() error {
		if n, err = p.ring.SendBatch(recs); err == ring.ErrFull && p.soon() {
			n, err = p.ring.SendBatch(recs)
		}
		n, err = p.batched(recs, n, err)
		return err
	})
	return n, err
}

// SendBatch sends all of recs, and waits for room until ctx ends. It returns how
// many were sent, less than all only with an error; with shmq.ErrSync it may be all. With
// shmq.ErrTruncated or shmq.ErrNoSpace more may have been.
func (p *Raw) SendBatch(ctx context.Context, recs [][]byte) (sent int, err error) {
	if err := ctx.Err(); err != nil && len(recs) > 0 {
		return 0, p.end.Ended(err)
	}
	err = p.end.Do(func() error { return p.sendBatch(ctx, recs, nil, &sent) })
	return sent, err
}

// sendBatch sends recs, with marks unless there are none.
func (p *Raw) sendBatch(ctx context.Context, recs [][]byte, marks []Mark, sent *int) error {
	for *sent < len(recs) {
		if err := ctx.Err(); err != nil {
			return p.end.Fail(err)
		}
		rest := recs[*sent:]
		n, err := p.batch(rest, marks)
		if err == ring.ErrFull {
			err = p.wait(ctx, len(rest[0]), func() error {
				n, err = p.batch(rest, marks)
				return err
			})
		}
		n, err = p.batched(rest, n, err)
		*sent += n
		if err != nil {
			return err
		}
	}
	return nil
}

// batch gives records to the ring, with the last ones of marks unless there are none.
func (p *Raw) batch(recs [][]byte, marks []Mark) (int, error) {
	if marks == nil {
		return p.ring.SendBatch(recs)
	}
	return p.ring.SendBatchMarked(recs, marks[len(marks)-len(recs):])
}

func (p *Raw) batched(recs [][]byte, n int, err error) (int, error) {
	if p.end.Hit() {
		return 0, p.end.Lost()
	}
	bytes := 0
	for _, b := range recs[:n] {
		bytes += len(b)
	}
	var unsynced error
	if n > 0 {
		p.sent(n, bytes)
		unsynced = p.settle(n)
	}
	if err != nil && n < len(recs) {
		err = p.refused(err, len(recs[n]))
	} else if err != nil {
		err = p.end.Fail(err)
	}
	if unsynced != nil {
		err = errors.Join(err, unsynced)
	}
	return n, err
}
