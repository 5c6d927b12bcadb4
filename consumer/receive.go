package consumer

import (
	"context"

	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// TryReceive takes the next record, copies it to buf[:0], which grows if it has to,
// acknowledges it and returns the copy; with an error it returns buf[:0]. Errors:
// shmq.ErrEmpty, io.EOF, shmq.ErrDamaged, shmq.ErrClosed; shmq.ErrRemoved if the queue was
// removed and nothing is left in it; and those after which the consumer can only be
// closed: shmq.ErrTruncated, shmq.ErrNoSpace.
func (c *Raw) TryReceive(buf []byte) ([]byte, error) {
	if begun := c.end.Enter(); begun != 0 {
		return c.receiveIn(attach.NoWait, begun, buf)
	}
	got, redelivered, err := c.ring.TryReceive(buf)
	if err != nil {
		if err = c.end.Leaving(c.refused(err)); err == ring.ErrPassed {
			return c.TryReceive(buf)
		}
		return got, err
	}
	c.received(len(got))
	if redelivered > 0 || c.end.Called(c.end.Room) || c.many && park.Armed(c.end.Data) {
		if c.aftermath(redelivered); c.end.Hit() {
			return buf[:0], c.end.Leaving(c.end.Lost())
		}
	}
	c.end.Leave()
	return got, nil
}

// Receive is TryReceive, but waits for a record until ctx ends; then it returns the
// error of ctx, and no record was taken.
func (c *Raw) Receive(ctx context.Context, buf []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil { // before the call begins: it is the program's code
		return buf[:0], c.end.Ended(err)
	}
	if begun := c.end.Enter(); begun != 0 {
		return c.receiveIn(ctx, begun, buf)
	}
	got, redelivered, err := c.ring.TryReceive(buf)
	if err == ring.ErrEmpty {
		got, redelivered, err = c.receiveLater(ctx, got)
	}
	if err != nil {
		return got, c.end.Leaving(c.refused(err))
	}
	c.received(len(got))
	if redelivered > 0 || c.end.Called(c.end.Room) || c.many && park.Armed(c.end.Data) {
		if c.aftermath(redelivered); c.end.Hit() {
			return buf[:0], c.end.Leaving(c.end.Lost())
		}
	}
	c.end.Leave()
	return got, nil
}

// receiveIn is the long way, of a call that is due; without ctx it does not wait.
//
//go:noinline
func (c *Raw) receiveIn(ctx context.Context, begun attach.Begun, buf []byte) (got []byte, err error) {
	err = c.end.Go(begun, func() error {
		redelivered, err := 0, ring.ErrPassed
		for err == ring.ErrPassed {
			got, redelivered, err = c.ring.TryReceive(buf)
			if err == ring.ErrEmpty && ctx != nil {
				got, redelivered, err = c.receiveLater(ctx, got)
			}
			if err != nil {
				err = c.refused(err)
			}
		}
		if err != nil {
			return err
		}
		c.received(len(got))
		c.aftermath(redelivered)
		return nil
	})
	if err != nil {
		got = buf[:0]
	}
	return got, err
}

// receiveLater is apart so that what its closure captures stays off the heap when
// there is a record.
func (c *Raw) receiveLater(ctx context.Context, buf []byte) (got []byte, redelivered int, err error) {
	err = c.wait(ctx, func() error {
		got, redelivered, err = c.ring.TryReceive(buf)
		return err
	})
	return got, redelivered, err
}

// received counts a record of n bytes that was copied and acknowledged.
func (c *Raw) received(n int) {
	counts := c.end.Counts
	counts.Records++
	counts.Bytes += uint64(n)
}

// aftermath wakes participants that can go on because of a record that was received.
func (c *Raw) aftermath(redelivered int) {
	if redelivered > 0 {
		c.end.Counts.Redelivered++
		c.relieved()
	}
	c.passOn()
	c.freed()
}
