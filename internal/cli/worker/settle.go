package worker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/shmq/shmq/internal/cli/exit"
)

// settle acknowledges the record of a job that is finished, or decides what becomes
// of it. An error breaks the crew up.
func (c *Crew) settle(j *job) error {
	if j.err == nil {
		j.lease.Ack()
		return nil
	}
	if c.broken != nil || c.ctx.Err() != nil {
		j.lease.Release()
		return nil
	}
	c.failed++
	what := fmt.Sprintf("record %d: %s", j.number, exit.OneLine(j.err.Error()))
	if j.attempts > 1 {
		what += fmt.Sprintf(", %d times", j.attempts)
	}
	switch {
	case errors.Is(j.err, exit.ErrCantRun), errors.Is(j.err, exit.ErrNotFound):
		j.lease.Release()
		return exit.Tell(c.from.Name(), j.err, "%s; it is still in the queue", what)
	case c.opts.Dead != nil:
		if err := c.from.Guard(func() error { return c.opts.Dead.Send(c.ctx, j.lease.Bytes()) }); err != nil {
			j.lease.Release()
			if c.ctx.Err() != nil {
				return context.Cause(c.ctx)
			}
			return err
		}
		c.opts.Note("queue %q: %s; sent to queue %q", c.from.Name(), what, c.opts.Dead.Name())
	case c.opts.Drop:
		c.opts.Note("queue %q: %s; dropped", c.from.Name(), what)
	default:
		j.lease.Release()
		err := exit.ErrFailed
		if errors.Is(j.err, exit.ErrData) {
			err = exit.ErrData
		}
		return exit.Tell(c.from.Name(), err, "%s; it is still in the queue; to go on without such records: --dead-letter QUEUE, or --on-failure drop", what)
	}
	j.lease.Ack()
	return nil
}

// result says how it ended, when the last command has.
func (c *Crew) result(end error) error {
	switch {
	case end != io.EOF:
		return end
	case c.failed == 0:
		return nil
	}
	became := "they were dropped"
	if c.opts.Dead != nil {
		became = fmt.Sprintf("they are in queue %q", c.opts.Dead.Name())
	}
	return exit.Tell(c.from.Name(), exit.ErrFailed, "%d of %d records failed; %s", c.failed, c.taken, became)
}
