package consumer

import (
	"context"
	"io"

	"github.com/shmq/shmq/ring"
)

// wait repeats try, which returned ring.ErrEmpty, until it returns something else,
// the stream ends (io.EOF) or ctx does, in the way that the policy says.
func (c *Raw) wait(ctx context.Context, try func() error) error {
	returned := false
	defer c.end.LeaveUnless(&returned)
	err := c.waitIn(ctx, try)
	returned = true
	return err
}

func (c *Raw) waitIn(ctx context.Context, try func() error) error {
	c.idle()
	var err error
	if c.end.Spinner.Spin(ctx, func(round int) bool {
		if err = c.end.Closed(); err != nil {
			return true
		}
		if err = try(); err == ring.ErrEmpty && round%64 == 63 {
			err = c.missed()
			return err != c.empty
		}
		return err != ring.ErrEmpty
	}) {
		return err
	}
	defer c.end.Sleeper.Done()
	for {
		ticket := c.end.Sleeper.Prepare()
		if err := try(); err != ring.ErrEmpty {
			return err
		}
		if err := c.end.Closed(); err != nil { // after Prepare; see attach.End
			c.passOn()
			return err
		}
		c.idle()
		if end, err := c.ended(); err != nil || end {
			if end {
				err = io.EOF
			}
			return err
		}
		if err := c.gone(); err != nil {
			return err
		}
		if ctx.Err() == nil { // else it does not sleep
			c.end.Counts.Waits++
		}
		if err := c.end.Faulted(c.end.Sleeper.Sleep(ctx, ticket)); err != nil {
			c.passOn()
			return err
		}
		if err := c.end.Beat(); err != nil {
			return err
		}
	}
}

// ended reports whether the stream is at its end: the ring is empty, as the caller
// found, no producer is attached, and that is final, because one marked it so or
// because this consumer was told to take it so. The order of the questions counts:
// a producer that leaves after the first was asked has sent all before it left, and
// the last look at the ring sees that.
func (c *Raw) ended() (bool, error) {
	begun, finished := c.end.Ring().Stream()
	if !finished && !(begun && c.untilEOF) {
		return false, nil
	}
	attached, err := c.end.ProducerAttached()
	if err != nil || attached {
		return false, err
	}
	c.end.Recover() // claims of the dead are no records to wait for
	return c.ring.Idle(), nil
}

// gone returns shmq.ErrRemoved if the queue was removed and nothing can follow. As in
// ended, the last look at the ring comes after the question for producers.
func (c *Raw) gone() error {
	err := c.end.Gone()
	if err == nil {
		return nil
	}
	c.end.Recover() // records may lie behind claims of the dead
	if c.ring.Ready() {
		return nil
	}
	return err
}
