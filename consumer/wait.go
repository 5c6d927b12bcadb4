package consumer

import (
	"context"

	"github.com/shmq/shmq/ring"
)

// wait repeats try, which returned ring.ErrEmpty, until it returns something else,
// the stream ends (see ended) or ctx does, in the way that the policy says.
func (c *Raw) wait(ctx context.Context, try func() error) error {
	c.idle()
	var err error
	if c.spinner.Spin(ctx, func(round int) bool {
		if err = try(); err == ring.ErrEmpty && round%64 == 63 {
			err = c.missed()
			return err != c.empty
		}
		return err != ring.ErrEmpty
	}) {
		return err
	}
	defer c.sleeper.Done()
	for {
		ticket := c.sleeper.Prepare()
		if err := try(); err != ring.ErrEmpty {
			return err
		}
		c.idle()
		if err := c.ended(); err == ring.ErrPassed {
			continue
		} else if err != nil {
			return err
		}
		if err := c.gone(); err != nil {
			return err
		}
		c.passOver()
		if ctx.Err() == nil { // else it does not sleep
			c.counters.Waits++
		}
		if err := c.att.Faulted(c.sleeper.Sleep(ctx, ticket)); err != nil {
			c.passOn()
			return err
		}
		if err := c.att.Look(); err != nil {
			return err
		}
	}
}

// gone returns shmq.ErrRemoved if the queue was removed and nothing can follow. The last look at the ring comes after the question for producers.
func (c *Raw) gone() error {
	err := c.att.Gone()
	if err == nil {
		return nil
	}
	c.att.Recover() // records may lie behind claims of the dead
	if c.ring.Ready() {
		return nil
	}
	return err
}
