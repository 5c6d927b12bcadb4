// Package worker runs a command for each record of a queue (--exec).
package worker

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
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/producer"
)

// Options say which command is run, how, and for which records.
type Options struct {
	Command []string
	Format  format.Format
	Jobs    int
	Retries int
	Drop    bool          // a record whose command failed is acknowledged, and the crew goes on
	Dead    *producer.Raw // where such a record is sent first, nil for nowhere
	Note    func(format string, args ...any)
	Verbose bool
	Take    pump.Take
}

// Crew runs a command for each record of a queue. One goroutine has the queue: it
// takes the records and settles them in the order in which their commands end. Each
// command has a goroutine that runs it, again where it fails.
//
// When the context ends, no more is taken, the signal goes to the commands, and their
// ends are waited for: those that still succeed are acknowledged, all other records
// go back.
type Crew struct {
	ctx  context.Context
	from *consumer.Raw
	opts Options

	taken, failed int64
	running       atomic.Int32       // other goroutines may read it
	idle          time.Time          // since when a record is waited for
	broken        error              // after this no command is run again
	stop          context.CancelFunc // of stopped
	stopped       context.Context

	mu       sync.Mutex
	groups   map[int]bool // process groups of the commands that run
	finished []*job
	wake     context.CancelCauseFunc // of the wait under way
}

// New returns a crew for the records of from.
func New(ctx context.Context, from *consumer.Raw, opts Options) *Crew {
	return &Crew{ctx: ctx, from: from, opts: opts, groups: map[int]bool{}}
}

// Running is how many records are in work. It may be called from any goroutine.
func (c *Crew) Running() int { return int(c.running.Load()) }

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

// Run returns nil at the end of the stream, or when the count is reached, and all
// commands were successful.
func (c *Crew) Run() error {
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
		} else if end == nil && c.opts.Take.Count == 0 {
			end = io.EOF
		}
		switch {
		case end != nil && c.running.Load() == 0:
			return c.result(end)
		case len(done) > 0: // wait is over, or there was none
		case end != nil || int(c.running.Load()) == c.opts.Jobs:
			<-wait.Done()
		default:
			if err := c.next(wait); err != errWoken {
				end = err
			}
		}
	}
}

// nextWait returns the jobs that are finished. If there is none it returns a context
// that ends when the next is, and, unless it has, when the crew's own does.
func (c *Crew) nextWait() (context.Context, []*job) {
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
func (c *Crew) next(wait context.Context) error {
	l, err := c.lease(wait)
	if err != nil {
		return err
	}
	c.taken++
	if c.opts.Take.Count > 0 {
		c.opts.Take.Count--
	}
	j := &job{lease: l, number: c.taken}
	c.running.Add(1)
	var p format.Page
	err = c.from.Guard(func() error { return c.opts.Format.Put(&p, l.Bytes()) })
	if errors.As(err, new(*shmq.Error)) {
		c.running.Add(-1)
		return err // not about the record
	}
	if err != nil {
		j.err = fmt.Errorf("%w: it is not msgpack (%v); --format raw takes it", exit.ErrData, err)
		go c.finish(j)
		return nil
	}
	j.input = p.Buf
	env := append(os.Environ(), "SHMQ_QUEUE="+c.from.Name(), fmt.Sprintf("SHMQ_RECORD=%d", j.number), fmt.Sprintf("SHMQ_REDELIVERED=%d", l.Redelivered()))
	env = append(env, identity(&l)...)
	go func() {
		defer c.finish(j)
		c.work(j, env)
	}()
	return nil
}

// lease waits for a record until a command ends.
func (c *Crew) lease(wait context.Context) (consumer.Lease, error) {
	l, err := c.from.TryLease()
	if !errors.Is(err, shmq.ErrEmpty) {
		c.idle = time.Time{}
		return l, err
	}
	if c.opts.Take.Nonblock {
		return l, c.opts.Take.Empty(c.from, err)
	}
	if c.opts.Take.Timeout > 0 {
		if c.idle.IsZero() {
			c.idle = time.Now()
		}
		var cancel context.CancelFunc
		wait, cancel = context.WithDeadlineCause(wait, c.idle.Add(c.opts.Take.Timeout), exit.ErrTimeout)
		defer cancel()
	}
	l, err = c.from.Lease(wait)
	if err == nil || err == io.EOF {
		c.idle = time.Time{}
		return l, err
	}
	return l, c.opts.Take.Late(c.from, exit.Ended(wait, err))
}

// finish hands a job to the goroutine that has the queue.
func (c *Crew) finish(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = append(c.finished, j)
	if c.wake != nil {
		c.wake(errWoken)
	}
}
