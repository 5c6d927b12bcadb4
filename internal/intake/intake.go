// Package intake takes records from one queue, or from several as if they were one: each in
// its turn, until all have come to their end.
package intake

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/selector"
)

// Intake takes leases. It is for one goroutine at a time, as its consumers are.
type Intake struct {
	// Over, if not nil, says what becomes of the error with which a queue has come to its end.
	// io.EOF is an end in order.
	Over func(from *consumer.Raw, err error) error
	// Lost, if not nil, is told of a queue that has ended in another way, while others go on.
	Lost func(from *consumer.Raw, err error)
	// Lagged, if not nil, is told of records that were lost because producers do not wait, and
	// taking goes on behind them. If it is nil the error is returned.
	Lagged func(from *consumer.Raw, err *consumer.LaggedError)

	all  []*consumer.Raw
	from *consumer.Raw // whose records were taken last

	// Of several:
	set  *selector.Set   // nil for one
	left []*consumer.Raw // that have not ended
	next int             // in left, whose turn it is
	lost error           // the first that did not end in order
}

// New returns an intake from at least one consumer.
func New(all ...*consumer.Raw) (*Intake, error) {
	in := &Intake{all: all, from: all[0]}
	if len(all) == 1 {
		return in, nil
	}
	in.set, in.left = &selector.Set{}, slices.Clone(all)
	for _, c := range all {
		if err := in.set.Add(c); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// All returns the consumers.
func (in *Intake) All() []*consumer.Raw { return in.all }

// From returns the consumer whose records were taken last.
func (in *Intake) From() *consumer.Raw { return in.from }

// Names returns the names of the queues.
func (in *Intake) Names() (names []string) {
	for _, c := range in.all {
		names = append(names, c.Name())
	}
	return names
}

// Err returns why the first queue ended that did not end in order, if it was one of several.
func (in *Intake) Err() error { return in.lost }

// Try takes as many records as are ready in one of the queues, at most len(ls), and returns
// their number; shmq.ErrEmpty only if it is 0. When the last queue has ended it returns
// io.EOF, or Err.
func (in *Intake) Try(ls []consumer.Lease) (n int, err error) {
	if in.set == nil {
		n, err = in.try(in.from, ls)
		return n, in.over(in.from, err)
	}
	for range len(in.left) {
		if len(in.left) == 0 {
			break
		}
		c := in.left[in.next%len(in.left)]
		in.next = in.next%len(in.left) + 1
		got, tried := in.try(c, ls)
		if got > 0 || tried == nil {
			in.from = c
			return got, nil // an error comes with no record
		}
		err = tried
		if !errors.Is(err, shmq.ErrEmpty) {
			in.set.Remove(c)
			in.end(c, err)
		}
	}
	if len(in.left) == 0 {
		return 0, in.result()
	}
	if !errors.Is(err, shmq.ErrEmpty) { // the last one that was asked has ended
		return in.Try(ls)
	}
	return 0, err
}

// Lease is Try, but waits for the first record until ctx ends.
func (in *Intake) Lease(ctx context.Context, ls []consumer.Lease) (n int, err error) {
	if in.set == nil {
		n, err = in.wait(ctx, in.from, ls)
		return n, in.over(in.from, err)
	}
	for {
		if err := ctx.Err(); err != nil {
			_, _ = in.set.Wait(ctx) // which leaves to others what the last Wait has returned
			return 0, err
		}
		n, err = in.Try(ls)
		if !errors.Is(err, shmq.ErrEmpty) {
			return n, err
		}
		q, err := in.set.Wait(ctx)
		if q == nil {
			return 0, err
		}
		c, _ := q.(*consumer.Raw) // as they all are
		if err != nil {
			in.end(c, err)
		} else if i := slices.Index(in.left, c); i >= 0 {
			in.next = i
		}
	}
}

// over says what becomes of the error of a single queue.
func (in *Intake) over(c *consumer.Raw, err error) error {
	if err != nil && in.Over != nil {
		err = in.Over(c, err)
	}
	return err
}

// end takes out a queue that has come to its end.
func (in *Intake) end(c *consumer.Raw, err error) {
	err = in.over(c, err)
	if i := slices.Index(in.left, c); i >= 0 {
		in.left = slices.Delete(in.left, i, i+1)
		if in.next > i {
			in.next--
		}
	}
	if err == nil || err == io.EOF {
		return
	}
	if in.lost == nil {
		in.lost = err
	}
	if in.Lost != nil && len(in.left) > 0 {
		in.Lost(c, err)
	}
}

// result is what is returned when no queue is left.
func (in *Intake) result() error {
	if in.lost != nil {
		return in.lost
	}
	return io.EOF
}

// A single record needs no batch, which is dearer.

func (in *Intake) try(c *consumer.Raw, ls []consumer.Lease) (n int, err error) {
	for {
		if len(ls) != 1 {
			n, err = c.TryLeaseBatch(ls)
		} else {
			ls[0], err = c.TryLease()
			n = one(err)
		}
		if !in.goesOn(c, err) {
			return n, err
		}
	}
}

func (in *Intake) wait(ctx context.Context, c *consumer.Raw, ls []consumer.Lease) (n int, err error) {
	for {
		if len(ls) != 1 {
			n, err = c.LeaseBatch(ctx, ls)
		} else {
			ls[0], err = c.Lease(ctx)
			n = one(err)
		}
		if !in.goesOn(c, err) {
			return n, err
		}
	}
}

// goesOn tells of an error that is about lost records, and that taking goes on.
func (in *Intake) goesOn(c *consumer.Raw, err error) bool {
	var lagged *consumer.LaggedError
	if err == nil || in.Lagged == nil || !errors.As(err, &lagged) {
		return false
	}
	in.Lagged(c, lagged)
	return true
}

func one(err error) int {
	if err == nil {
		return 1
	}
	return 0
}
