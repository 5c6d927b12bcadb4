package consumer

import (
	"context"

	"github.com/shmq/shmq/ring"
)

// TryReceiveBatch takes as many records as are ready, at most len(bufs), copies the
// i-th to bufs[i][:0], which grows if it has to, acknowledges them and returns their
// number; shmq.ErrEmpty only if it is 0. It costs one claim where TryReceive costs one
// for each record. A record of several slots, or one that was delivered before, ends
// a batch. A process that dies in the call may have acknowledged records that it did
// not return.
func (c *Raw) TryReceiveBatch(bufs [][]byte) (n int, err error) {
	err = c.end.Do(func() error {
		for err = ring.ErrPassed; err == ring.ErrPassed; {
			var got, redelivered int
			got, redelivered, err = c.ring.TryReceiveBatch(bufs)
			n, err = c.receivedBatch(bufs, got, redelivered, err)
		}
		return err
	})
	return n, err
}

// ReceiveBatch is TryReceiveBatch, but waits for the first record until ctx ends.
func (c *Raw) ReceiveBatch(ctx context.Context, bufs [][]byte) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, c.end.Ended(err)
	}
	err = c.end.Do(func() error {
		got, redelivered, err := c.ring.TryReceiveBatch(bufs)
		if err == ring.ErrEmpty {
			got, redelivered, err = c.receiveBatchLater(ctx, bufs)
		}
		n, err = c.receivedBatch(bufs, got, redelivered, err)
		return err
	})
	return n, err
}

// receiveBatchLater is apart for the same reason as receiveLater.
func (c *Raw) receiveBatchLater(ctx context.Context, bufs [][]byte) (n, redelivered int, err error) {
	err = c.wait(ctx, func() error {
		n, redelivered, err = c.ring.TryReceiveBatch(bufs)
		return err
	})
	return n, redelivered, err
}

func (c *Raw) receivedBatch(bufs [][]byte, n, redelivered int, err error) (int, error) {
	if c.end.Hit() {
		return 0, c.end.Lost()
	}
	if err != nil {
		return n, c.refused(err)
	}
	c.end.Counts.Records += uint64(n)
	for _, b := range bufs[:n] {
		c.end.Counts.Bytes += uint64(len(b))
	}
	c.end.Counts.Redelivered += uint64(redelivered)
	if redelivered > 0 {
		c.relieved()
	}
	c.passOn()
	c.freed()
	return n, nil
}
