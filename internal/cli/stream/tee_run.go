package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/intake"
)

// tee sends the records of a queue to several.
type tee struct {
	ctx   context.Context
	flags *teeFlags
	tty   *progress.Console
	from  *consumer.Raw
	to    []*branch
	names map[string]string // of the queues that are sent to, by their identity
	most  int               // records in hand

	page   []byte   // the records in hand, since memory that others may cut is read under a guard
	recs   [][]byte // in page
	passed int64    // records that every branch has, or left out

	full atomic.Pointer[string] // the queue whose room it waits for
}

func (t *tee) run(from string, to []string) (err error) {
	t.most, t.names = t.flags.batch, map[string]string{}
	begun, opened := time.Now(), false
	end := (*branch).close
	defer func() {
		for _, b := range t.to {
			err = errors.Join(err, end(b))
		}
		if t.from != nil {
			err = errors.Join(err, t.from.Close())
			if !opened {
				err = errors.Join(err, t.flags.subscribe.Undo(from, begun))
			}
		}
	}()
	if err := t.open(from, to); err != nil {
		return err
	}
	opened = true
	if t.flags.untilEOF {
		end = (*branch).abandon // the end of the stream is promised, and may not come
	}
	in, err := intake.New(t.from)
	if err != nil {
		return err
	}
	w := &progress.Watch{Console: t.tty, Flags: t.flags.watch, Queue: from, Did: "passed on", Count: t.from.Counters, Lost: t.from.Lost, Waits: t.waits}
	lag := &lagging{line: t.tty.Line}
	in.Lagged = lag.tell
	w.Begin()
	err = t.move(in)
	lag.last()
	w.Finish()
	t.tell()
	switch {
	case err == io.EOF:
		end, err = (*branch).finish, nil
	case errors.Is(err, fail.ErrUnmarked):
		end, err = (*branch).close, t.over(err)
	case errors.Is(err, shmq.ErrBrokenOff):
		err = t.over(err)
	case err == nil || err == errUpToHere:
		end, err = (*branch).close, nil
	case !errors.Is(err, shmq.ErrEmpty) && !errors.Is(err, exit.ErrTimeout):
		err = exit.Tell(from, err, "%s; records passed on: %d", strings.TrimPrefix(exit.OneLine(err.Error()), "shmq: "), t.passed)
	}
	return err
}

// errUpToHere: the flags let the tee end here.
var errUpToHere = errors.New("up to here")

// over says what becomes of an end of a stream that had no mark.
func (t *tee) over(err error) error {
	if t.flags.strict {
		return exit.Tell(t.from.Name(), err, "%s", exit.Reason(err))
	}
	if !errors.Is(err, fail.ErrUnmarked) {
		t.tty.Line("queue %q: %s", t.from.Name(), exit.Reason(err))
	}
	return nil
}

// move passes records on until there are no more. It returns how the stream ended, errUpToHere
// where the flags end it, or an error.
func (t *tee) move(in *intake.Intake) error {
	f := t.flags
	take := pump.Take{Count: int64(f.count), Timeout: f.timeout.Value(), Nonblock: f.nonblock, UntilEmpty: f.empty}
	// Of an end that is like an empty queue's it must be known which it was.
	ended := false
	in.Over = func(_ *consumer.Raw, err error) error {
		ended = ended || pump.AtEnd(err)
		return err
	}
	ls := make([]consumer.Lease, t.most)
	for t.passed != int64(f.count) {
		n, err := take.Lease(t.ctx, in, ls, t.passed)
		if failed := t.pass(ls[:n]); failed != nil {
			return failed
		}
		if err == io.EOF && !ended {
			return errUpToHere
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// waits says what a tee waits for that does nothing.
func (t *tee) waits() string {
	if name := t.full.Load(); name != nil {
		return fmt.Sprintf("waiting for room in queue %q", *name)
	}
	return "waiting for records"
}

// tell sums up what went where, and always what was left out.
func (t *tee) tell() {
	for _, b := range t.to {
		if !t.flags.watch.Verbose && b.skipped == 0 {
			continue
		}
		text := fmt.Sprintf("records sent: %d", b.Counters().Records)
		if b.skip {
			text += fmt.Sprintf("; left out, as it was full: %d", b.skipped)
		}
		t.tty.Line("queue %q: %s", b.Name(), text)
	}
}

func (b *branch) close() error   { return b.Close() }
func (b *branch) abandon() error { return b.Abandon() }
func (b *branch) finish() error  { return b.Finish() }
