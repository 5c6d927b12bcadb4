package consumer

import (
	"context"
	"io"
	"iter"
	"reflect"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/attach"
)

// Consumer receives values of type T from a queue. It is for one goroutine at a
// time.
type Consumer[T any] struct {
	raw   *Raw
	codec codec.Codec
	onBad func(*DecodeError) error
	solo  attach.Solo
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
	return &Consumer[T]{raw: raw, codec: c, onBad: opts.onBad()}, nil
}

// Raw returns the consumer of bytes underneath.
func (c *Consumer[T]) Raw() *Raw { return c.raw }

// TryReceive takes the next record, acknowledges it, and decodes it. Errors: those of
// Raw.TryReceive, and *DecodeError. With Options.OnBad a record that can't be decoded goes
// there, and TryReceive goes on to the next, or returns what OnBad did.
func (c *Consumer[T]) TryReceive() (v T, err error) {
	if c.onBad != nil {
		return c.receiveGood(c.TryLease())
	}
	if c.buf, err = c.raw.TryReceive(c.buf); err != nil {
		return v, err
	}
	c.raw.ahead()
	return c.decode(nil)
}

// Receive is TryReceive, but waits for a record until ctx ends; then it returns the
// error of ctx, and no record was taken.
func (c *Consumer[T]) Receive(ctx context.Context) (v T, err error) {
	if c.onBad != nil {
		return c.receiveGood(c.Lease(ctx))
	}
	if c.buf, err = c.raw.Receive(ctx, c.buf); err != nil {
		return v, err
	}
	c.raw.ahead()
	return c.decode(nil)
}

// receiveGood acknowledges a record that could be decoded. If that is not possible any more
// the record comes again, and the error says why.
func (c *Consumer[T]) receiveGood(v T, l Lease, err error) (T, error) {
	if err == nil {
		err = c.settle(&l, nil)
	}
	if err != nil {
		var none T
		return none, err
	}
	return v, nil
}

// TryLease takes the next record and decodes it. The caller settles the lease when it
// is done with the value. With an error there is no lease to settle. Errors: those of
// Raw.TryLease, and *DecodeError, as of TryReceive.
func (c *Consumer[T]) TryLease() (v T, l Lease, err error) {
	for again := true; again; {
		if l, err = c.raw.TryLease(); err != nil {
			return v, Lease{}, err
		}
		v, again, err = c.leased(&l)
	}
	return v, l, err
}

// Lease is TryLease, but waits for a record until ctx ends; then it returns the error
// of ctx, and no record was taken.
func (c *Consumer[T]) Lease(ctx context.Context) (v T, l Lease, err error) {
	for again := true; again; {
		if l, err = c.raw.Lease(ctx); err != nil {
			return v, Lease{}, err
		}
		v, again, err = c.leased(&l)
	}
	return v, l, err
}

// leased decodes a lease for Lease, and reports whether that has to go on.
func (c *Consumer[T]) leased(l *Lease) (v T, again bool, err error) {
	v, err = c.decodeLease(l)
	if bad, ok := err.(*DecodeError); ok {
		err = c.settleBad(l, bad)
		again = err == nil
	}
	if err != nil {
		*l = Lease{}
	}
	return v, again, err
}

// Leased is a value with the lease of its record, which the caller settles. Where there is
// an Err there is no Value, and the lease is settled already.
type Leased[T any] struct {
	Lease
	Value T
	Err   error // nil, *DecodeError, or what Options.OnBad returned
}

// TryLeaseBatch takes as many records as are ready, at most len(ls), decodes them and
// returns their number; shmq.ErrEmpty only if it is 0. With many consumers it is
// cheaper than as many calls of TryLease. A record that can't be decoded has its Err
// and does not end the batch; it is acknowledged, or left out if Options.OnBad has taken care
// of it. The slots become free when the last lease of the batch is settled. Errors: those of
// Raw.TryLeaseBatch; with one there is nothing to settle.
func (c *Consumer[T]) TryLeaseBatch(ls []Leased[T]) (n int, err error) {
	for again := true; again; {
		if n, err = c.raw.TryLeaseBatch(c.room4(ls)); err != nil {
			return 0, err
		}
		n, again, err = c.leasedBatch(ls, n)
	}
	return n, err
}

// LeaseBatch is TryLeaseBatch, but waits for the first record until ctx ends; then it
// returns the error of ctx, and no record was taken.
func (c *Consumer[T]) LeaseBatch(ctx context.Context, ls []Leased[T]) (n int, err error) {
	for again := true; again; {
		if n, err = c.raw.LeaseBatch(ctx, c.room4(ls)); err != nil {
			return 0, err
		}
		n, again, err = c.leasedBatch(ls, n)
	}
	return n, err
}

// leasedBatch decodes the first n of leases into ls. It returns how many of ls are filled,
// and reports whether none is and the call has to go on.
func (c *Consumer[T]) leasedBatch(ls []Leased[T], n int) (filled int, again bool, err error) {
	returned := false
	defer func() {
		for i := range n {
			if !returned { // because of a panic in the program's code
				c.leases[i].Release()
			}
			c.leases[i] = Lease{}
		}
	}()
	for i := range n {
		l := &c.leases[i]
		v, err := c.decodeLease(l)
		bad, ok := err.(*DecodeError)
		switch {
		case err == nil:
			ls[filled] = Leased[T]{Lease: *l, Value: v}
			filled++
		case !ok:
			returned = true
			return 0, false, err // and all leases are void
		default:
			if err = c.settleBad(l, bad); err != nil {
				ls[filled] = Leased[T]{Err: err}
				filled++
			}
		}
	}
	returned = true
	return filled, filled == 0 && n > 0, nil
}

func (c *Consumer[T]) room4(ls []Leased[T]) []Lease {
	if len(c.leases) < len(ls) {
		c.leases = make([]Lease, len(ls))
	}
	return c.leases[:len(ls)]
}

// All returns the values that follow, until the end of the stream. A record is
// acknowledged when the loop's body is done with it, also if that breaks out of the
// loop; if the body panics or the process dies, it is delivered again. A record
// that can't be decoded gives a *DecodeError, unless Options.OnBad takes care of it, and
// records that were lost because producers do not wait a *LaggedError: the loop goes on. When ctx ends or another error occurs, the loop gets the error, once, and
// ends.
func (c *Consumer[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, l, err := c.next(ctx)
			if err == io.EOF {
				return
			}
			if err != nil && !undecodable(err) {
				if !yield(v, err) || !goesOn(err) {
					return
				}
				continue
			}
			if !l.settle(func() bool { return yield(v, err) }) {
				return
			}
		}
	}
}

// next is Lease, but without OnBad it returns the lease of a record that can't be decoded, too.
func (c *Consumer[T]) next(ctx context.Context) (v T, l Lease, err error) {
	if c.onBad != nil {
		return c.Lease(ctx)
	}
	if l, err = c.raw.Lease(ctx); err == nil {
		v, err = c.decodeLease(&l)
	}
	return v, l, err
}

// Sync returns when the queue as it is now is on stable storage; see Raw.Sync.
func (c *Consumer[T]) Sync() error { return c.raw.Sync() }

// StartSync starts that and does not wait for it; see Raw.StartSync.
func (c *Consumer[T]) StartSync() error { return c.raw.StartSync() }

// NextStream goes on behind the end of a stream; see Raw.NextStream.
func (c *Consumer[T]) NextStream() { c.raw.NextStream() }

// Close leaves the queue; see Raw.Close.
func (c *Consumer[T]) Close() error { return c.raw.Close() }
