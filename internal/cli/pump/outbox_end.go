package pump

import (
	"errors"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
)

// goesOn returns nil where sending goes on after err, with which n records were sent. What there
// is besides an error about the disk, such as a full queue, the next try finds again.
func (o *Outbox) goesOn(n int, err error) error {
	switch {
	case n == 0, err == nil, errors.Is(err, shmq.ErrTruncated), errors.Is(err, shmq.ErrNoSpace):
		return err
	case errors.Is(err, shmq.ErrSync):
		if !o.told && o.opts.Unsynced != nil {
			o.opts.Unsynced(err)
		}
		o.told = true
		return nil
	case errors.Is(err, shmq.ErrFull):
		return nil
	}
	return err
}

// Ended adds to the error of a pump how far the input got, unless it says so: more of it may
// have been read than was sent.
func (o *Outbox) Ended(err error) error {
	if err == nil || exit.Told(err) {
		return err
	}
	least, rest := "", "; what follows them in the input was not"
	if errors.As(err, new(exit.Signal)) {
		rest = "" // whoever sent it knows
	}
	if errors.Is(err, shmq.ErrTruncated) || errors.Is(err, shmq.ErrNoSpace) {
		least = " or more" // the fault came in the middle of a batch
	}
	return exit.Tell(o.to.Name(), notAll(err), "%s; records %s: %d%s%s", exit.Reason(err), o.opts.Did, o.sent, least, rest)
}

// Unopened returns the error about a queue that could not be made or attached to, so that
// nothing of the input was sent.
func Unopened(queue string, err error) error {
	if !errors.Is(err, shmq.ErrSync) {
		return err
	}
	return exit.Tell(queue, notAll(err), "%s; nothing was sent", exit.Reason(err))
}

// notAll keeps the exit code of ErrSync, which says that all records are in the queue, from
// standing for less.
func notAll(err error) error {
	if exit.Code(err) == exit.CodeIO {
		return exit.ErrOutput
	}
	return err
}
