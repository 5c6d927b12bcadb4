package producer

import (
	"context"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/share"
)

// Shared is a producer for any number of goroutines: the handlers of a server, for example. It
// takes one seat in the queue, whatever their number, and sends one call at a time, which
// costs a mutex more than a Producer. A goroutine that sends a lot is better off with a
// Producer of its own.
//
// A goroutine's records are delivered in the order in which it sent them. Those of a batch may
// come with others in between.
type Shared[T any] struct {
	one   *Producer[T]
	share *share.Share
}

// OpenShared attaches to the queue of that name as Open does. opts may be nil.
func OpenShared[T any](name string, opts *Options) (*Shared[T], error) {
	one, err := Open[T](name, opts)
	if err != nil {
		return nil, err
	}
	return &Shared[T]{one: one, share: share.New(shmq.ErrFull)}, nil
}

// TrySend encodes v and sends it as one record. It returns shmq.ErrFull also while another
// goroutine waits for room. Errors: those of Producer.TrySend.
func (s *Shared[T]) TrySend(v T) error {
	called, err := s.share.Try(func() error { return s.one.TrySend(v) })
	if !called {
		return s.one.raw.full
	}
	return err
}

// Send is TrySend, but waits for room, behind goroutines that have waited for longer, until
// ctx ends; then it returns the error of ctx, and v was not sent.
func (s *Shared[T]) Send(ctx context.Context, v T) error {
	return s.do(ctx,
		func() error { return s.one.TrySend(v) },
		func() error { return s.one.Send(ctx, v) })
}

// SendBatch sends all of vs, and waits for room until ctx ends. It returns how many were
// sent, less than all only with an error.
func (s *Shared[T]) SendBatch(ctx context.Context, vs []T) (sent int, err error) {
	err = s.do(ctx, func() error {
		n, err := s.one.TrySendBatch(vs[sent:])
		if sent += n; err == nil && sent < len(vs) {
			err = shmq.ErrFull
		}
		return err
	}, func() error {
		n, err := s.one.SendBatch(ctx, vs[sent:])
		sent += n
		return err
	})
	return sent, err
}

func (s *Shared[T]) do(ctx context.Context, try, wait func() error) error {
	err := ctx.Err()
	if err == nil {
		err = s.share.Do(ctx, try, wait)
	}
	return fail.In("send to", s.Name(), err)
}

// Name returns the name of the queue.
func (s *Shared[T]) Name() string { return s.one.raw.Name() }

// Counters returns what this producer has counted since it was opened; see Raw.Counters.
func (s *Shared[T]) Counters() shmq.Counters { return s.one.raw.Counters() }

// Sync returns when all that is in the queue is on stable storage; see Raw.Sync.
func (s *Shared[T]) Sync() error { return s.one.Sync() }

// Finish marks the end of the stream and closes the producer; see Raw.Finish.
func (s *Shared[T]) Finish() error { return s.one.Finish() }

// Close leaves the queue. Calls that wait end at once with shmq.ErrClosed; see Raw.Close.
func (s *Shared[T]) Close() error { return s.one.Close() }
