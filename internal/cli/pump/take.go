package pump

import (
	"errors"
	"io"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
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

// AtEnd reports whether an error is the end of a stream.
func AtEnd(err error) bool { return err == io.EOF || errors.Is(err, shmq.ErrBrokenOff) }

// Empty returns how a receiver that does not wait, and took got records, ends when the queue
// is empty: with io.EOF if it took all that was there and was not asked for more.
func (t *Take) Empty(from *consumer.Raw, err error, got int64) error {
	switch {
	case t.UntilEmpty, got > 0 && t.Count < 0:
		return io.EOF
	case got > 0:
		return exit.Tell(from.Name(), err, "it is empty after %d of %d records; leave out --nonblock to wait for more", got, t.Count)
	}
	return exit.Tell(from.Name(), err, "it is empty; leave out --nonblock to wait for records")
}

// Late puts exit.ErrTimeout into words. Other errors are returned as they are.
func (t *Take) Late(from *consumer.Raw, err error) error {
	if err == exit.ErrTimeout {
		return exit.Tell(from.Name(), err, "no record came for %v; is anybody sending?", t.Timeout)
	}
	return err
}
