package consumer

import (
	"context"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/share"
)

// Shared is a consumer for any number of goroutines. It takes one seat in the queue, whatever
// their number, and one of them receives at a time, which costs a mutex more than a
// Consumer. It has no leases: those are settled while others receive, so who needs them
// opens a Consumer for each goroutine.
type Shared[T any] struct {
	one   *Consumer[T]
	share *share.Share
}

// OpenShared attaches to the queue of that name as Open does. opts may be nil.
func OpenShared[T any](name string, opts *Options) (*Shared[T], error) {
	one, err := Open[T](name, opts)
	if err != nil {
		return nil, err
	}
	return &Shared[T]{one: one, share: share.New(shmq.ErrEmpty)}, nil
}

// TryReceive takes the next record, acknowledges it and decodes it. It returns shmq.ErrEmpty
// also while another goroutine waits for a record. Errors: those of Consumer.TryReceive.
func (s *Shared[T]) TryReceive() (v T, err error) {
	called, err := s.share.Try(func() (err error) {
		v, err = s.one.TryReceive()
		return err
	})
	if !called {
		err = s.one.raw.empty
	}
	return v, err
}

// Receive is TryReceive, but waits for a record, behind goroutines that have waited for
// longer, until ctx ends; then it returns the error of ctx, and no record was taken.
func (s *Shared[T]) Receive(ctx context.Context) (v T, err error) {
	if err = ctx.Err(); err == nil {
		err = s.share.Do(ctx, func() (err error) {
			v, err = s.one.TryReceive()
			return err
		}, func() (err error) {
			v, err = s.one.Receive(ctx)
			return err
		})
	}
	if err != nil && err == ctx.Err() { // of the context itself, without the queue's name
		err = fail.In("receive from", s.Name(), err)
	}
	return v, err
}

// Name returns the name of the queue.
func (s *Shared[T]) Name() string { return s.one.raw.Name() }

// Counters returns what this consumer has counted since it was opened; see Raw.Counters.
func (s *Shared[T]) Counters() shmq.Counters { return s.one.raw.Counters() }

// Close leaves the queue. Calls that wait end at once with shmq.ErrClosed; see Raw.Close.
func (s *Shared[T]) Close() error { return s.one.Close() }
