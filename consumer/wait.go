package consumer

import (
	"context"

	"github.com/shmq/shmq/ring"
)

// wait repeats try, which returned ring.ErrEmpty, until it returns something else,
// the stream ends (see ended) or ctx does, in the way that the policy says.
func (c *Raw) wait(ctx context.Context, try func() error) error {
	for range c.end.Spinner.Quick() { // before anything that a wait begins with
		if err := try(); err != ring.ErrEmpty {
			c.end.Spinner.Useful()
			return err
		}
	}
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
			return err != c.empty && err != ring.ErrPassed
		}
		return err != ring.ErrEmpty
	}) {
		return err
	}
	defer c.end.Sleeper.Done()
	for {
		ticket := c.end.Sleeper.Prepare()
		if err := try(); err != ring.ErrEmpty {
			if err != nil { // of one record; others may be behind it
				c.passOn()
			}
			return err
		}
		if err := c.end.Closed(); err != nil { // after Prepare; see attach.End
			c.passOn()
			return err
		}
		c.idle()
		if err := c.ended(); err == ring.ErrPassed {
			continue
		} else if err != nil {
			c.passOn() // what woke it may be a record behind the end
			return err
		}
		if err := c.gone(); err != nil {
			return err
		}
		c.passOver()
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

// gone returns shmq.ErrRemoved if the queue was removed and nothing can follow. The ring is
// asked last, after the question for producers.
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
