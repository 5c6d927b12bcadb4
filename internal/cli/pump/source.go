package pump

import (
	"context"
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
	Nonblock   bool          // the receiver does not wait: a queue that is empty from the start is an error
	UntilEmpty bool          // an empty queue ends the receiver
	KeepOpen   bool          // the end of a stream does not end the receiver
}

// Source takes records from a queue as a Take says.
type Source struct {
	from *consumer.Raw
	take Take
	got  int64
	idle time.Time // since when a record is waited for
}

// NewSource returns a source of a queue's records.
func NewSource(from *consumer.Raw, take Take) *Source { return &Source{from: from, take: take} }

// Got is the number of records that were taken.
func (s *Source) Got() int64 { return s.got }

// Done reports whether as many records were taken as were asked for.
func (s *Source) Done() bool { return s.got == s.take.Count }

// A receiver that is kept open looks for the next stream again and again, after pauses
// that grow from streamLeast to streamMost.
const (
	streamLeast = time.Millisecond
	streamMost  = 100 * time.Millisecond
)

// Lease takes what is ready, and waits for the first record of it. It returns io.EOF at
// the end, perhaps with the last records. When ctx ends it returns the cause.
func (s *Source) Lease(ctx context.Context, ls []consumer.Lease) (n int, err error) {
	if s.Done() {
		return 0, io.EOF
	}
	if s.take.Count >= 0 {
		ls = ls[:min(int64(len(ls)), s.take.Count-s.got)]
	}
	for pause := streamLeast; ; pause = min(2*pause, streamMost) {
		n, err = s.next(ctx, ls)
		if err != io.EOF || !s.take.KeepOpen {
			break
		}
		if err = nil; n > 0 {
			break
		}
		if err = s.pause(ctx, pause); err != nil {
			break
		}
	}
	s.got += int64(n)
	if n > 0 || err == io.EOF {
		s.idle = time.Time{}
	}
	return n, err
}

func (s *Source) next(ctx context.Context, ls []consumer.Lease) (int, error) {
	if s.take.Timeout == 0 && !s.take.Nonblock && !s.take.UntilEmpty {
		n, err := s.from.LeaseBatch(ctx, ls)
		return n, s.ended(ctx, err)
	}
	n, err := s.from.TryLeaseBatch(ls)
	switch {
	case !errors.Is(err, shmq.ErrEmpty):
		return n, err
	case s.take.UntilEmpty:
		return n, io.EOF
	case s.take.Nonblock:
		return n, s.empty(err)
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	n, err = s.from.LeaseBatch(ctx, ls)
	return n, s.ended(ctx, err)
}

// deadline returns a context that ends when there was no record for too long. The time runs
// from the first wait, however often the waits were cut short.
func (s *Source) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.take.Timeout == 0 {
		return ctx, func() {}
	}
	if s.idle.IsZero() {
		s.idle = time.Now()
	}
	return context.WithDeadlineCause(ctx, s.idle.Add(s.take.Timeout), exit.ErrTimeout)
}

// pause waits before another look for a stream.
func (s *Source) pause(ctx context.Context, d time.Duration) error {
	if s.take.Nonblock {
		return s.empty(shmq.ErrEmpty)
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return s.ended(ctx, ctx.Err())
	}
}

// ended returns why a wait ended that returned err.
func (s *Source) ended(ctx context.Context, err error) error {
	if err == io.EOF {
		return err
	}
	if err = exit.Ended(ctx, err); err == exit.ErrTimeout {
		return exit.Tell(s.from.Name(), err, "no record came for %v; is anybody sending?", s.take.Timeout)
	}
	return err
}

// empty returns how a receiver ends that does not wait. It has done its work if it took all
// that was there and was not asked for more.
func (s *Source) empty(err error) error {
	switch {
	case s.take.Count > 0 && s.got > 0:
		return exit.Tell(s.from.Name(), err, "it is empty after %d of %d records; leave out --nonblock to wait for more", s.got, s.take.Count)
	case s.got > 0:
		return io.EOF
	}
	return exit.Tell(s.from.Name(), err, "it is empty; leave out --nonblock to wait for records")
}
