package crew

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
)

// take takes a record, or a batch, and begins to work on it. It returns errWoken when it
// waited and a job has ended.
func (c *Crew) take() error {
	ls := c.leases
	if c.Keyed {
		ls = ls[:1] // those that are ready may have other keys
	}
	if c.Left > 0 && c.Left < int64(len(ls)) {
		ls = ls[:c.Left]
	}
	n, err := c.lease(ls)
	if n == 0 {
		return err
	}
	rs, copyErr := c.records(ls[:n])
	if copyErr != nil {
		return copyErr // the consumer is lost, and its leases with it
	}
	c.begin(rs)
	return err
}

// lease waits for records until a job ends.
func (c *Crew) lease(ls []consumer.Lease) (int, error) {
	n, err := c.From.Try(ls)
	if !errors.Is(err, shmq.ErrEmpty) {
		c.idle = time.Time{}
		return n, err
	}
	if c.Nonblock {
		return n, err
	}
	if c.Running() > 1 {
		// Short jobs, which often have this thread next, end meanwhile: to be woken up for each
		// costs more than they do.
		runtime.Gosched()
		if c.anyEnded() {
			return 0, errWoken
		}
	}
	wait, cancel := c.wait()
	defer cancel(nil)
	if c.Idle > 0 {
		if c.idle.IsZero() {
			c.idle = time.Now()
		}
		var over context.CancelFunc
		wait, over = context.WithDeadlineCause(wait, c.idle.Add(c.Idle), ErrIdle)
		defer over()
	}
	n, err = c.From.Lease(wait, ls)
	if over := wait.Err(); over != nil && errors.Is(err, over) {
		return n, context.Cause(wait)
	}
	c.idle = time.Time{}
	return n, err // of the queue, also if the wait is over by now: it is told once
}

// wait returns a context that ends when a job does.
func (c *Crew) wait() (context.Context, context.CancelCauseFunc) {
	ctx, wake := context.WithCancelCause(c.ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wake = wake; len(c.finished) > 0 {
		wake(errWoken)
	}
	return ctx, func(cause error) {
		c.mu.Lock()
		c.wake = nil
		c.mu.Unlock()
		wake(cause)
	}
}

// records copies what was leased.
func (c *Crew) records(ls []consumer.Lease) (rs []*Record, err error) {
	err = c.From.From().Guard(func() error {
		for i := range ls {
			rs = append(rs, c.record(&ls[i]))
		}
		return nil
	})
	return rs, err
}

// record tells of a lease what a handler may know.
func (c *Crew) record(l *consumer.Lease) *Record {
	c.Taken++
	if c.Left > 0 {
		c.Left--
	}
	from := c.From.From()
	return &Record{from: from, Queue: from.Name(), Data: append([]byte{}, l.Bytes()...), Number: c.Taken, Redelivered: l.Redelivered(), ID: l.ID(), SentAt: l.SentAt(), lease: *l}
}

// begin hands records out. Prepare may end the goroutine at any of them.
func (c *Crew) begin(rs []*Record) {
	c.taken = rs
	fit := rs[:0:0]
	for _, r := range rs {
		key, err := c.prepare(r)
		switch {
		case err != nil:
			r.out = true
			c.start(&job{records: []*Record{r}, hopeless: err})
		case c.Keyed && key != "":
			r.out = true
			c.queueUp(laneKey{r.from, key}, r)
		default:
			fit = append(fit, r)
		}
	}
	c.taken = nil
	if len(fit) > 0 {
		c.start(&job{records: fit})
	}
}

// releaseTaken gives back what was taken and not handed out.
func (c *Crew) releaseTaken() {
	for _, r := range c.taken {
		if !r.out {
			r.lease.Release()
		}
	}
	c.taken = nil
}

// prepare calls Prepare, and makes a panic an error.
func (c *Crew) prepare(r *Record) (key string, err error) {
	if c.Prepare == nil {
		return "", nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = &Panic{p, string(debug.Stack())}
		}
	}()
	key, err = c.Prepare(r)
	return key, sound(err)
}

// start starts a job.
func (c *Crew) start(j *job) {
	c.running.Add(1)
	go c.work(j)
}
