package pump

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/intake"
)

// Take says how many records a receiver takes, and how it waits for them.
type Take struct {
	Count      int64         // records in all, negative for no limit
	Timeout    time.Duration // for a record, 0 for none
	Nonblock   bool          // an empty queue ends the receiver; with an error if there was no record
	UntilEmpty bool          // an empty queue ends the receiver
}

// Waits reports whether the receiver waits for records.
func (t *Take) Waits() bool { return !t.Nonblock && !t.UntilEmpty }

// Lease takes what is ready, at most len(ls) and what is left of the count after got records,
// and waits for the first record of it.
func (t *Take) Lease(ctx context.Context, from *intake.Intake, ls []consumer.Lease, got int64) (int, error) {
	if t.Count > 0 {
		ls = ls[:min(int64(len(ls)), t.Count-got)]
	}
	if t.Waits() && t.Timeout == 0 {
		n, err := from.Lease(ctx, ls)
		if !AtEnd(err) {
			err = exit.Ended(ctx, err)
		}
		return n, err
	}
	n, err := from.Try(ls)
	if !errors.Is(err, shmq.ErrEmpty) {
		return n, err
	}
	if !t.Waits() {
		return n, t.Empty(from.Names(), err, got)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.Timeout, exit.ErrTimeout)
	defer cancel()
	n, err = from.Lease(ctx, ls)
	if AtEnd(err) {
		return n, err
	}
	return n, t.Late(from.Names(), exit.Ended(ctx, err))
}

// AtEnd reports whether an error is the end of a stream.
func AtEnd(err error) bool { return err == io.EOF || errors.Is(err, shmq.ErrBrokenOff) }

// Empty returns how a receiver that does not wait, and took got records, ends when the queue
// is empty: with io.EOF if it took all that was there and was not asked for more.
func (t *Take) Empty(from []string, err error, got int64) error {
	switch {
	case t.UntilEmpty, got > 0 && t.Count < 0:
		return io.EOF
	case got > 0:
		return exit.TellOf(from, err, "%s after %d of %d records; leave out --nonblock to wait for more", empty(from), got, t.Count)
	}
	return exit.TellOf(from, err, "%s; leave out --nonblock to wait for records", empty(from))
}

func empty(from []string) string {
	if len(from) == 1 {
		return "it is empty"
	}
	return "all are empty"
}

// Late puts exit.ErrTimeout into words. Other errors are returned as they are.
func (t *Take) Late(from []string, err error) error {
	if err == exit.ErrTimeout {
		return exit.TellOf(from, err, "no record came for %v; is anybody sending?", t.Timeout)
	}
	return err
}
