package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
)

// DecodeError says that a record could not be decoded into the consumer's type. The
// record is taken from the queue; it is kept here.
type DecodeError struct {
	Queue  string
	Record []byte
	Err    error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("shmq: receive from queue %q: record of %d bytes: %v", e.Queue, len(e.Record), e.Err)
}

// undecodable reports whether err is about one record only.
func undecodable(err error) bool {
	var e *DecodeError
	return errors.As(err, &e)
}

// Unwrap returns what the codec said.
func (e *DecodeError) Unwrap() error { return e.Err }

// Consumer receives values of type T from a queue. It is for one goroutine at a
// time.
type Consumer[T any] struct {
	raw   *Raw
	codec codec.Codec
	value T // what is being decoded; here, so that its address costs nothing
	buf   []byte

	leases []Lease // of LeaseBatch
}

// Open attaches to the queue of that name as a consumer of T, and makes the queue
// if it is absent. Errors: codec.ErrType if the codec can't decode a T, before
// anything is made; those of OpenRaw. opts may be nil.
func Open[T any](name string, opts *Options) (*Consumer[T], error) {
	c := opts.codec()
	if err := codec.CheckDecode(c, reflect.TypeFor[T]()); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: err}
	}
	raw, err := OpenRaw(name, opts)
	if err != nil {
		return nil, err
	}
	return &Consumer[T]{raw: raw, codec: c}, nil
}

// Raw returns the consumer of bytes underneath.
func (c *Consumer[T]) Raw() *Raw { return c.raw }

// TryReceive takes the next record, decodes it and acknowledges it. Errors: those of
// Raw.TryReceive, and *DecodeError.
func (c *Consumer[T]) TryReceive() (T, error) {
	l, err := c.raw.TryLease()
	return c.receive(l, err)
}

// Receive is TryReceive, but waits for a record until ctx ends; then it returns the
// error of ctx, and no record was taken.
func (c *Consumer[T]) Receive(ctx context.Context) (T, error) {
	l, err := c.raw.Lease(ctx)
	return c.receive(l, err)
}

// TryLease takes the next record and decodes it. The caller settles the lease when it
// is done with the value, also after a *DecodeError. Errors: those of Raw.TryLease,
// and *DecodeError.
func (c *Consumer[T]) TryLease() (T, Lease, error) {
	l, err := c.raw.TryLease()
	return c.leased(l, err)
}

// Lease is TryLease, but waits for a record until ctx ends; then it returns the error
// of ctx, and no record was taken.
func (c *Consumer[T]) Lease(ctx context.Context) (T, Lease, error) {
	l, err := c.raw.Lease(ctx)
	return c.leased(l, err)
}

// Leased is a value with the lease of its record, which the caller settles, also
// where there is an Err instead of a Value.
type Leased[T any] struct {
	Lease
	Value T
	Err   error // nil, or a *DecodeError; then Value is zero
}

// TryLeaseBatch takes as many records as are ready, at most len(ls), decodes them and
// returns their number; shmq.ErrEmpty only if it is 0. With many consumers it is
// cheaper than as many calls of TryLease. A record that can't be decoded has its Err
// and does not end the batch. The slots become free when the last lease of the batch
// is settled. Errors: those of Raw.TryLeaseBatch.
func (c *Consumer[T]) TryLeaseBatch(ls []Leased[T]) (int, error) {
	n, err := c.raw.TryLeaseBatch(c.leasesFor(ls))
	return c.leasedBatch(ls, n, err)
}

// LeaseBatch is TryLeaseBatch, but waits for the first record until ctx ends; then it
// returns the error of ctx, and no record was taken.
func (c *Consumer[T]) LeaseBatch(ctx context.Context, ls []Leased[T]) (int, error) {
	n, err := c.raw.LeaseBatch(ctx, c.leasesFor(ls))
	return c.leasedBatch(ls, n, err)
}

// All returns the values that follow, until the end of the stream. A record is
// acknowledged when the loop's body is done with it, also if that breaks out of the
// loop; if the body panics or the process dies, it is delivered again. A record
// that can't be decoded gives a *DecodeError, and the loop goes on. When ctx ends or
// another error occurs, the loop gets the error, once, and ends.
func (c *Consumer[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, l, err := c.Lease(ctx)
			if err == io.EOF {
				return
			}
			if err != nil && !undecodable(err) {
				yield(v, err)
				return
			}
			if !l.settle(func() bool { return yield(v, err) }) {
				return
			}
		}
	}
}

// Sync returns when the queue as it is now is on stable storage; see Raw.Sync.
func (c *Consumer[T]) Sync() error { return c.raw.Sync() }

// StartSync starts that and does not wait for it; see Raw.StartSync.
func (c *Consumer[T]) StartSync() error { return c.raw.StartSync() }

// NextStream goes on behind the end of a stream; see Raw.NextStream.
func (c *Consumer[T]) NextStream() { c.raw.NextStream() }

// Close leaves the queue; see Raw.Close.
func (c *Consumer[T]) Close() error { return c.raw.Close() }

func (c *Consumer[T]) receive(l Lease, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	v, err := c.decode(&l, true)
	l.Ack() // nothing, if the record could not be copied
	return v, err
}

func (c *Consumer[T]) leased(l Lease, err error) (T, Lease, error) {
	if err != nil {
		var none T
		return none, l, err
	}
	v, err := c.decode(&l, false)
	return v, l, err
}

func (c *Consumer[T]) leasesFor(ls []Leased[T]) []Lease {
	if len(c.leases) < len(ls) {
		c.leases = make([]Lease, len(ls))
	}
	return c.leases[:len(ls)]
}

func (c *Consumer[T]) leasedBatch(ls []Leased[T], n int, err error) (int, error) {
	for i := range ls[:n] {
		l := &ls[i]
		l.Lease = c.leases[i]
		v, e := c.decode(&l.Lease, false)
		if e != nil && !undecodable(e) {
			return i, e
		}
		l.Value, l.Err = v, e
	}
	return n, err
}

// decode copies the record first: in shared memory it could change between the
// codec's checks and its reading. With ahead the next record is on its way meanwhile.
func (c *Consumer[T]) decode(l *Lease, ahead bool) (v T, err error) {
	var none T
	if err := c.raw.copyOut(&c.buf, l, ahead); err != nil {
		return none, err
	}
	err = c.codec.Decode(c.buf, &c.value)
	v, c.value = c.value, none // the next value is decoded into a fresh one
	if err != nil {
		return none, &DecodeError{Queue: c.raw.Name(), Record: append([]byte{}, c.buf...), Err: err}
	}
	return v, nil
}

// copyOut copies the bytes of a lease to buf.
func (c *Raw) copyOut(buf *[]byte, l *Lease, ahead bool) error {
	if c.end.Guarded {
		return c.end.InPanics(func() error { return c.copyOut(buf, l, ahead) })
	}
	if ahead {
		c.ring.PrefetchNext()
	}
	*buf = append((*buf)[:0], l.Bytes()...)
	if c.end.Hit() {
		return c.end.Lost()
	}
	return nil
}
