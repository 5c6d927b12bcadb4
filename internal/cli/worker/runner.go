// Package worker runs a command for each record of a queue, or of several (--exec). The engine is package
// crew, the same as that of package worker for Go programs; here is the handler that runs a
// command, and what is said on standard error.
package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/crew"
	"github.com/shmq/shmq/internal/intake"
)

// Options say which command is run, how, and for which records.
type Options struct {
	Command []string
	Format  format.Format
	Meta    bool // each record in an object with what is known of it
	Jobs    int
	Batch   int
	Key     string // the field by whose value records are kept in order, "" for none
	Retries int
	Timeout time.Duration // of an attempt, 0 for none
	Drop    bool          // records whose command failed are acknowledged, and the runner goes on
	Dead    string        // the queue that such records are sent to first, "" for none
	Note    func(format string, args ...any)
	Verbose bool
	Take    pump.Take
	Passes  func(queue string) bool // what is left in that queue comes to no other receiver; nil for no
}

const (
	firstDelay = 100 * time.Millisecond
	lastDelay  = 10 * time.Second
)

// Runner runs a command for each record of a queue.
//
// When the context ends, no more is taken, the signal goes to the commands, and their
// ends are waited for: records of those that still succeed are acknowledged, all others
// are released.
type Runner struct {
	commands
	from *intake.Intake
	opts Options
	crew *crew.Crew
	dead *crew.DeadQueue
}

// New returns a runner for the records of from. The dead-letter queue is looked at if it
// exists.
func New(ctx context.Context, from *intake.Intake, opts Options) (*Runner, error) {
	r := &Runner{commands: newCommands(ctx), from: from, opts: opts}
	if opts.Dead != "" {
		var err error
		if r.dead, err = crew.OpenDeadQueue(opts.Dead, from.All(), r.letterWaits); err != nil {
			return nil, err
		}
	}
	r.crew = crew.New(crew.Config{
		From: from, Jobs: opts.Jobs, Batch: opts.Batch, Retries: opts.Retries, First: firstDelay, Last: lastDelay, Timeout: opts.Timeout,
		Drop: opts.Drop, Dead: r.dead, Prepare: r.prepare, Keyed: opts.Key != "", Handle: r.handle, Observe: r.observe,
		Left: opts.Take.Count, Idle: opts.Take.Timeout, Nonblock: !opts.Take.Waits(),
	})
	return r, nil
}

// Running is how many commands run, or wait to be run again. It may be called from any
// goroutine.
func (r *Runner) Running() int { return r.crew.Running() }

// Run returns nil at the end of the stream, or when the count is reached, and all
// commands were successful.
func (r *Runner) Run() (err error) {
	if r.dead != nil {
		defer func() { err = errors.Join(err, r.dead.Close()) }()
	}
	defer context.AfterFunc(r.ctx, r.forward)()
	return r.result(r.crew.Run(r.ctx))
}

// prepare formats a record as the command will find it.
func (r *Runner) prepare(rec *crew.Record) (key string, err error) {
	var p format.Page
	put := r.opts.Format.Put
	if r.opts.Meta {
		put = (&format.Meta{ID: rec.ID, Queue: rec.Queue, Attempt: rec.Redelivered + 1, SentAt: rec.SentAt}).Put
	}
	if err := put(&p, rec.Data); err != nil {
		return "", fmt.Errorf("%w: it is not msgpack (%v); --format raw takes it", exit.ErrData, err)
	}
	rec.Value = p.Buf
	if r.opts.Key == "" {
		return "", nil
	}
	return field(rec.Data, r.opts.Key), nil
}

// passes says that a record which is still in the queue comes to no other receiver, where that is so.
func (r *Runner) passes(rec *crew.Record) string {
	if r.opts.Passes == nil || !r.opts.Passes(rec.Queue) {
		return ""
	}
	return ", but comes to no other receiver: the subscription ends with this one (--subscription NAME keeps its place)"
}

// result puts into words how it ended.
func (r *Runner) result(err error) error {
	var fatal *crew.Fatal
	var failed *crew.Failed
	switch {
	case errors.As(err, &fatal):
		return exit.Tell(fatal.Record.Queue, err, "%s; it is still in the queue%s", what([]*crew.Record{fatal.Record}, fatal.Record.Attempt, fatal.Err), r.passes(fatal.Record))
	case errors.As(err, &failed):
		reason := exit.ErrFailed
		if errors.Is(err, exit.ErrData) {
			reason = exit.ErrData
		}
		return exit.Tell(failed.Records[0].Queue, reason, "%s; %s still in the queue%s; to go on without such records: --dead-letter QUEUE, or --on-failure drop",
			what(failed.Records, failed.Attempts, failed.Err), are(failed.Records), r.passes(failed.Records[0]))
	case err == crew.ErrIdle:
		return r.opts.Take.Late(r.from.Names(), exit.ErrTimeout)
	case !r.opts.Take.Waits() && errors.Is(err, shmq.ErrEmpty):
		err = r.opts.Take.Empty(r.from.Names(), err, r.crew.Taken)
	}
	if err != nil && err != io.EOF {
		return err
	}
	if r.crew.Failed == 0 {
		return nil
	}
	became := "they were dropped"
	if r.dead != nil {
		became = fmt.Sprintf("they are in queue %q", r.dead.Name())
	}
	return exit.TellOf(r.from.Names(), exit.ErrFailed, "%d of %d records failed; %s", r.crew.Failed, r.crew.Taken, became)
}
