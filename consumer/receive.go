package consumer

import (
	"context"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// TryReceive takes the next record, copies it to buf[:0], which grows if it has to,
// acknowledges it and returns the copy; with an error it returns buf[:0]. Errors:
// shmq.ErrEmpty, io.EOF, shmq.ErrDamaged, shmq.ErrClosed; shmq.ErrRemoved if the queue was
// removed and nothing is left in it; and those after which the consumer can only be
// closed: shmq.ErrTruncated, shmq.ErrNoSpace.
func (c *Raw) TryReceive(buf []byte) ([]byte, error) {
	if c.end.Guarded {
		return c.receiveInPanics(buf, c.TryReceive)
	}
	if c.end.Due() {
		if err := c.end.Attend(); err != nil {
			return buf[:0], err
		}
	}
	got, redelivered, err := c.ring.TryReceive(buf)
	if err != nil {
		return got, c.refused(err)
	}
	c.received(len(got))
	if !c.quiet() || redelivered > 0 {
		c.aftermath(redelivered)
	}
	if c.end.Hit() {
		return buf[:0], c.end.Lost()
	}
	return got, nil
}

// Receive is TryReceive, but waits for a record until ctx ends; then it returns the
// error of ctx, and no record was taken.
func (c *Raw) Receive(ctx context.Context, buf []byte) ([]byte, error) {
	if c.end.Guarded {
		return c.receiveInPanics(buf, func(buf []byte) ([]byte, error) { return c.Receive(ctx, buf) })
	}
	if c.end.Due() {
		if err := c.end.Attend(); err != nil {
			return buf[:0], err
		}
	}
	if err := ctx.Err(); err != nil {
		return buf[:0], c.end.Fail(err)
	}
	got, redelivered, err := c.ring.TryReceive(buf)
	if err == ring.ErrEmpty {
		got, redelivered, err = c.receiveLater(ctx, got)
	}
	if err != nil {
		return got, c.refused(err)
	}
	c.received(len(got))
	if !c.quiet() || redelivered > 0 {
		c.aftermath(redelivered)
	}
	if c.end.Hit() {
		return buf[:0], c.end.Lost()
	}
	return got, nil
}

func (c *Raw) receiveInPanics(buf []byte, receive func(buf []byte) ([]byte, error)) (got []byte, err error) {
	if err = c.end.InPanics(func() error {
		got, err = receive(buf)
		return err
	}); err != nil {
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
	c.end.Counts.Records++
	c.end.Counts.Bytes += uint64(n)
}

// quiet reports whether a record that was received leaves nothing to look after: a
// single, registered consumer, and nobody asleep on the other side.
func (c *Raw) quiet() bool { return !c.watchful && !park.Armed(c.end.Room) }

// aftermath wakes participants that can go on because of a record that was received.
func (c *Raw) aftermath(redelivered int) {
	if redelivered > 0 {
		c.end.Counts.Redelivered++
		c.relieved()
	}
	c.passOn()
	c.freed()
}
