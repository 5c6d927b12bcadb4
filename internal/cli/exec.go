package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// crew runs a command for each record of a queue. One goroutine has the queue: it
// takes the records and settles them in the order in which their commands end. Each
// command has a goroutine that runs it, again where it fails.
//
// When the context ends, no more is taken, the signal goes to the commands, and their
// ends are waited for: those that still succeed are acknowledged, all other records
// go back.
type crew struct {
	ctx     context.Context
	from    *consumer.Raw
	format  format
	command []string
	jobs    int
	retries int
	drop    bool          // what failed is acknowledged, and the crew goes on
	dead    *producer.Raw // where what failed goes first, nil for nowhere
	note    func(format string, args ...any)
	verbose bool

	over     func(error) error // what becomes of the end of a stream
	left     int64             // records still to be taken, negative for no limit
	timeout  time.Duration
	nonblock bool

	taken, failed int64
	running       atomic.Int32       // others may read it
	idle          time.Time          // since when a record is waited for
	broken        error              // after this no command is run again
	stop          context.CancelFunc // of stopped
	stopped       context.Context

	mu       sync.Mutex
	groups   map[int]bool // process groups of the commands that run
	finished []*job
	wake     context.CancelCauseFunc // of the wait under way
}

// job is a record in work.
type job struct {
	lease    consumer.Lease
	number   int64 // among those taken
	input    []byte
	attempts int
	err      error // of the last attempt
}

// errWoken ends a wait because a command has ended.
var errWoken = errors.New("a command has ended")

// run returns nil at the end of the stream, or when the count is reached, and all
// commands were successful.
func (c *crew) run() error {
	c.groups = map[int]bool{}
	c.stopped, c.stop = context.WithCancel(c.ctx)
	defer c.stop()
	defer context.AfterFunc(c.ctx, c.forward)()
	end := error(nil) // why no more is taken
	for {
		wait, done := c.nextWait()
		for _, j := range done {
			c.running.Add(-1)
			if err := c.settle(j); err != nil && c.broken == nil {
				c.broken = err
			}
		}
		if c.broken == nil && c.ctx.Err() != nil {
			c.broken = context.Cause(c.ctx)
		}
		if c.broken != nil {
			c.stop()
			end = c.broken
		} else if end == nil && c.left == 0 {
			end = io.EOF
		}
		switch {
		case end != nil && c.running.Load() == 0:
			return c.result(end)
		case len(done) > 0: // wait is over, or there was none
		case end != nil || int(c.running.Load()) == c.jobs:
			<-wait.Done()
		default:
			if err := c.next(wait); err != errWoken {
				end = c.over(err)
			}
		}
	}
}

// nextWait returns the jobs that are finished. If there is none it returns a context
// that ends when the next is, and, unless it has, when the crew's own does.
func (c *crew) nextWait() (context.Context, []*job) {
	parent := c.ctx
	if parent.Err() != nil {
		parent = context.Background()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wake != nil {
		c.wake(nil)
		c.wake = nil
	}
	done := c.finished
	if c.finished = nil; len(done) > 0 {
		return nil, done
	}
	var wait context.Context
	wait, c.wake = context.WithCancelCause(parent)
	return wait, nil
}

// next takes a record and has the command run for it.
func (c *crew) next(wait context.Context) error {
	l, err := c.lease(wait)
	if err != nil {
		return err
	}
	c.taken++
	if c.left > 0 {
		c.left--
	}
	j := &job{lease: l, number: c.taken}
	c.running.Add(1)
	var p page
	err = c.from.Guard(func() error { return c.format.recv(&p, l.Bytes()) })
	if errors.As(err, new(*shmq.Error)) {
		c.running.Add(-1)
		return err // not about the record
	}
	if err != nil {
		j.err = fmt.Errorf("%w: it is not msgpack (%v); --format raw takes it", errData, err)
		go c.finish(j)
		return nil
	}
	j.input = p.buf
	env := append(os.Environ(), "SHMQ_QUEUE="+c.from.Name(), fmt.Sprintf("SHMQ_RECORD=%d", j.number), fmt.Sprintf("SHMQ_REDELIVERED=%d", l.Redelivered()))
	go func() {
		defer c.finish(j)
		c.work(j, env)
	}()
	return nil
}

// lease waits for a record until a command ends.
func (c *crew) lease(wait context.Context) (consumer.Lease, error) {
	l, err := c.from.TryLease()
	if !errors.Is(err, shmq.ErrEmpty) {
		c.idle = time.Time{}
		return l, err
	}
	if c.nonblock {
		return l, emptyError(c.from, err)
	}
	if c.timeout > 0 {
		if c.idle.IsZero() {
			c.idle = time.Now()
		}
		var cancel context.CancelFunc
		wait, cancel = context.WithDeadlineCause(wait, c.idle.Add(c.timeout), errTimeout)
		defer cancel()
	}
	l, err = c.from.Lease(wait)
	if err == nil || atEnd(err) {
		c.idle = time.Time{}
		return l, err
	}
	if err = ended(wait, err); err == errTimeout {
		err = timeoutError(c.from, c.timeout)
	}
	return l, err
}

// finish hands a job to the goroutine that has the queue.
func (c *crew) finish(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = append(c.finished, j)
	if c.wake != nil {
		c.wake(errWoken)
	}
}

// settle acknowledges the record of a job that is finished, or decides what becomes
// of it. An error breaks the crew up.
func (c *crew) settle(j *job) error {
	if j.err == nil {
		j.lease.Ack()
		return nil
	}
	if c.broken != nil || c.ctx.Err() != nil {
		j.lease.Release()
		return nil
	}
	c.failed++
	what := fmt.Sprintf("record %d: %s", j.number, oneLine(j.err))
	if j.attempts > 1 {
		what += fmt.Sprintf(", %d times", j.attempts)
	}
	switch {
	case errors.Is(j.err, errCantRun), errors.Is(j.err, errNotFound):
		j.lease.Release()
		return tell(c.from.Name(), j.err, "%s; it is still in the queue", what)
	case c.dead != nil:
		if err := c.from.Guard(func() error { return c.dead.Send(c.ctx, j.lease.Bytes()) }); err != nil {
			j.lease.Release()
			if c.ctx.Err() != nil {
				return context.Cause(c.ctx)
			}
			return err
		}
		c.note("queue %q: %s; sent to queue %q", c.from.Name(), what, c.dead.Name())
	case c.drop:
		c.note("queue %q: %s; dropped", c.from.Name(), what)
	default:
		j.lease.Release()
		err := errFailed
		if errors.Is(j.err, errData) {
			err = errData
		}
		return tell(c.from.Name(), err, "%s; it is still in the queue; to go on without such records: --dead-letter QUEUE, or --on-failure drop", what)
	}
	j.lease.Ack()
	return nil
}

// result says how it ended, when the last command has.
func (c *crew) result(end error) error {
	switch {
	case end != io.EOF:
		return end
	case c.failed == 0:
		return nil
	}
	became := "they were dropped"
	if c.dead != nil {
		became = fmt.Sprintf("they are in queue %q", c.dead.Name())
	}
	return tell(c.from.Name(), errFailed, "%d of %d records failed; %s", c.failed, c.taken, became)
}
