package crew

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/shmq/shmq/worker/deadletter"
)

// job is records in work, by one goroutine at a time.
type job struct {
	key      laneKey
	records  []*Record // that have not been dealt with, of one queue
	done     []*Record // that are to be acknowledged
	hopeless error     // why they are not tried at all

	begun  time.Time     // the first attempt
	delay  time.Duration // before the next attempt, without its jitter
	lack   time.Duration // the same, while something is short
	failed int64         // records that were dropped or are dead letters
	err    error         // ends the crew, with the records released
}

// work runs the job to its end: records are all done, or to be released.
func (c *Crew) work(j *job) {
	over := false
	defer func() {
		if over {
			c.finish(j)
		} else { // the handler ended its goroutine
			go c.goOn(j)
		}
	}()
	if j.begun.IsZero() {
		j.begun = time.Now()
	}
	if j.hopeless != nil {
		j.records[0].err = j.hopeless
		c.giveUp(j, j.records)
	} else {
		for c.again(j, c.attempt(j)) {
		}
	}
	over = true
}

// goOn is work after a handler that ended its goroutine.
func (c *Crew) goOn(j *job) {
	if c.again(j, ErrGoexit) {
		c.work(j)
	} else {
		c.finish(j)
	}
}

// attempt calls the handler.
func (c *Crew) attempt(j *job) (err error) {
	for _, r := range j.records {
		r.Attempt++
	}
	ctx := c.hands
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, ErrTimeout)
		defer cancel()
		e := Event{Kind: Late, Records: j.records, Attempts: j.records[0].Attempt, Err: ErrTimeout}
		late := time.AfterFunc(c.Timeout+max(c.Timeout, c.late), func() { c.tell(e) })
		defer late.Stop()
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		if p := recover(); p != nil {
			err = sound(&Panic{p, string(debug.Stack())})
		}
	}()
	err = sound(c.Handle(ctx, j.records))
	returned = true
	if err != nil && context.Cause(ctx) == ErrTimeout && !errors.Is(err, ErrTimeout) {
		err = fmt.Errorf("%w after %v: %w", ErrTimeout, c.Timeout, err)
	}
	return err
}

// again judges an attempt, and returns true when there is to be another one, after the
// pause.
func (c *Crew) again(j *job, err error) bool {
	if j.fatal(err) {
		return false
	}
	j.divide(err)
	short := j.short()
	for _, r := range short {
		r.Attempt-- // it does not count
	}
	if failed := j.failedForGood(c.Retries); len(failed) > 0 {
		c.giveUp(j, failed)
	}
	if len(j.records) == 0 || j.err != nil {
		return false
	}
	if len(short) > 0 && j.lack == 0 {
		c.tell(Event{Kind: Short, Records: short, Attempts: short[0].Attempt, Err: short[0].err})
	}
	if len(short) == len(j.records) {
		return c.pause(c.lengthen(&j.lack))
	}
	if len(short) > 0 {
		c.lengthen(&j.lack)
	}
	delay := c.lengthen(&j.delay)
	if c.working.Err() == nil {
		failed := slices.DeleteFunc(slices.Clone(j.records), isShort)
		c.tell(Event{Kind: Retry, Records: failed, Attempts: failed[0].Attempt, Err: failed[0].err, Delay: delay})
	}
	return c.pause(max(delay, j.lack/2))
}

// fatal reports whether an error ends the crew, as that of all records or of one. Those of a batch
// that succeeded are done; all others stay in the queue.
func (j *job) fatal(err error) bool {
	var fatal *Fatal
	var each Partial
	whole := errors.As(err, &fatal)
	if errors.As(err, &each) {
		if !whole {
			fatal = each.fatal()
		}
		if fatal == nil {
			return false
		}
		all, done := j.records, len(j.done)
		if j.divide(err); len(j.records) == 0 { // none failed, it says, and yet it is fatal
			j.records, j.done = all, j.done[:done]
		}
		err = fatal
	}
	if fatal == nil {
		return false
	}
	r := j.records[0]
	for _, of := range j.records {
		if !whole && errors.As(of.err, new(*Fatal)) {
			r = of
			break
		}
	}
	j.err = &Fatal{Record: r, Err: err}
	return true
}

// short returns the records that could not be tried for want of something.
func (j *job) short() (rs []*Record) {
	for _, r := range j.records {
		if isShort(r) {
			rs = append(rs, r)
		}
	}
	return rs
}

func isShort(r *Record) bool {
	var short *Shortage
	return errors.As(r.err, &short)
}

// divide moves the records that succeeded to those that are done, and notes why the others
// failed.
func (j *job) divide(err error) {
	var each Partial
	partial := errors.As(err, &each)
	for i := range each {
		if i < 0 || i >= len(j.records) {
			partial, err = false, fmt.Errorf("the handler says that record %d of %d failed: %w", i, len(j.records), each[i])
		}
	}
	rest := j.records[:0:0]
	for i, r := range j.records {
		r.err = err
		if partial {
			r.err = each[i]
		}
		if r.err == nil {
			j.done = append(j.done, r)
		} else {
			rest = append(rest, r)
		}
	}
	j.records = rest
}

// failedForGood returns the records that are not to be tried again.
func (j *job) failedForGood(retries int) (rs []*Record) {
	for _, r := range j.records {
		var permanent *Permanent
		if !isShort(r) && (r.Attempt > retries || errors.As(r.err, &permanent)) {
			rs = append(rs, r)
		}
	}
	return rs
}

// lengthen returns the next pause: twice the last one, up to a limit, and of that a random
// part, at least half, so that what failed together does not come back together.
func (c *Crew) lengthen(last *time.Duration) time.Duration {
	*last = min(max(2*(*last), c.First), c.Last)
	return *last/2 + rand.N(*last/2+1)
}

// pause waits, and returns false when no attempt may follow.
func (c *Crew) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return c.working.Err() == nil
	case <-c.working.Done():
		return false
	}
}

// giveUp does with records of a job what becomes of those that failed for good.
func (c *Crew) giveUp(j *job, rs []*Record) {
	switch {
	case c.working.Err() != nil: // to be released
	case c.Dead != nil:
		c.bury(j, rs)
	case c.Drop:
		c.tell(Event{Kind: Dropped, Records: rs, Attempts: rs[0].Attempt, Err: rs[0].err})
		for _, r := range rs {
			j.gone(r)
		}
	default:
		j.err = &Failed{Records: rs, Attempts: rs[0].Attempt, Err: rs[0].err}
	}
}

// gone notes that a record failed and is to be acknowledged.
func (j *job) gone(r *Record) {
	j.failed++
	j.done = append(j.done, r)
	i := slices.Index(j.records, r)
	j.records = append(j.records[:i:i], j.records[i+1:]...)
}

// bury sends dead letters. A record is done when its letter is in the other queue.
func (c *Crew) bury(j *job, rs []*Record) {
	now := time.Now()
	for _, r := range rs {
		l := deadletter.Letter{
			Queue: r.Queue, ID: r.ID.String(), Reason: r.err.Error(), Attempts: r.Attempt, Redelivered: r.Redelivered,
			FirstTime: j.begun, LastTime: now, TimedOut: errors.Is(r.err, ErrTimeout), Record: r.Data,
		}
		var more Describer
		if errors.As(r.err, &more) {
			more.Describe(&l)
		}
		if err := c.Dead.Send(c.working, l); err != nil {
			if c.working.Err() == nil {
				j.err = err
			}
			return
		}
		j.gone(r)
		c.tell(Event{Kind: DeadLetter, Records: []*Record{r}, Attempts: r.Attempt, Err: r.err})
	}
}

func (c *Crew) tell(e Event) {
	if c.Observe != nil {
		c.Observe(e)
	}
}
