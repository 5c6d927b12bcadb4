package consumer

import (
	"fmt"
	"runtime/debug"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/blockcopy"
)

// DecodeError says that a record could not be decoded into the consumer's type. The
// record is taken from the queue; it is kept here.
type DecodeError struct {
	Queue  string
	Record []byte
	Err    error  // what the codec said
	Stack  []byte // where the codec panicked, nil if it did not
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("shmq: receive from queue %q: record of %d bytes: %v", e.Queue, len(e.Record), e.Err)
}

// Unwrap returns what the codec said.
func (e *DecodeError) Unwrap() error { return e.Err }

// undecodable reports whether err is about one record only.
func undecodable(err error) bool {
	_, ok := err.(*DecodeError)
	return ok
}

// decodeLease decodes a lease's record into a value of its own. It copies the record first: in
// shared memory it could change between the codec's checks and its reading. With an error that
// is no DecodeError the lease is void.
func (c *Consumer[T]) decodeLease(l *Lease) (v T, err error) {
	if err := c.raw.copyOut(&c.buf, l); err != nil {
		return v, err
	}
	return c.decode(l)
}

// decode decodes the record in buf. If the codec ends the goroutine, l is released, unless it
// is nil.
func (c *Consumer[T]) decode(l *Lease) (v T, err error) {
	var none T
	c.solo.Enter(&c.raw.end)
	stack, err := runCodec(c.codec, c.buf, &c.value, &c.solo, l)
	v, c.value = c.value, none // the next value is decoded into a fresh one
	c.solo.Leave()
	if err != nil {
		return none, &DecodeError{Queue: c.raw.Name(), Record: append([]byte{}, c.buf...), Err: err, Stack: stack}
	}
	return v, nil
}

// runCodec decodes buf into v. The codec is the program's: a panic of it is an error about this
// record. (It is a function of its own because a deferred one costs less here than in one that
// is generic.)
func runCodec(with codec.Codec, buf []byte, v any, solo *attach.Solo, l *Lease) (stack []byte, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if p := recover(); p != nil {
			stack, err = debug.Stack(), panicError(p)
			return
		}
		solo.Leave()
		if l != nil {
			l.Release()
		}
	}()
	err = with.Decode(buf, v)
	returned = true
	return nil, err
}

func panicError(p any) error {
	if err, ok := p.(error); ok {
		return fmt.Errorf("the codec panicked: %w", err)
	}
	return fmt.Errorf("the codec panicked: %v", p)
}

// settleBad settles a lease whose record could not be decoded, so that no error comes with
// a lease. nil means that the program took care of the record.
func (c *Consumer[T]) settleBad(l *Lease, bad *DecodeError) error {
	if c.onBad == nil {
		return c.settle(l, bad)
	}
	returned := false
	defer func() {
		if !returned {
			l.Release()
		}
	}()
	err := c.onBad(bad)
	returned = true
	if err != nil {
		l.Release()
		// Not Fail: the error is the program's, may be about another queue, and be damage there.
		err = fmt.Errorf("a record of %d bytes that can't be decoded stays in the queue: %w", len(bad.Record), err)
		return &shmq.Error{Op: "receive from", Queue: c.raw.Name(), Err: err}
	}
	return c.settle(l, nil)
}

// settle acknowledges a lease and returns err. If it could not be acknowledged the record
// comes again, and the error says why.
func (c *Consumer[T]) settle(l *Lease, err error) error {
	if c.raw.settleOne(l) {
		return err
	}
	return c.raw.end.Do(func() error { return err })
}

// copyOut copies the bytes of a lease to buf. With an error the lease is void. If code of the
// program does not return, it is released.
func (c *Raw) copyOut(buf *[]byte, l *Lease) error {
	if begun := c.end.Enter(); begun != 0 {
		return c.copyIn(begun, buf, l)
	}
	*buf = blockcopy.Append((*buf)[:0], l.Bytes())
	if c.end.Hit() {
		return c.end.Leaving(c.end.Lost())
	}
	c.end.Leave()
	return nil
}

// copyIn is the long way, of a call that is due: it may come to a log handler.
//
//go:noinline
func (c *Raw) copyIn(begun attach.Begun, buf *[]byte, l *Lease) error {
	returned := false
	defer func() {
		if !returned {
			l.Release()
		}
	}()
	err := c.end.Go(begun, func() error { *buf = blockcopy.Append((*buf)[:0], l.Bytes()); return nil })
	returned = true
	return err
}

// ahead asks for the next record, so that it is on its way while the last one is decoded.
func (c *Raw) ahead() {
	if begun := c.end.Enter(); begun != 0 {
		c.end.Settle(begun, func() {})
		return
	}
	c.ring.PrefetchNext()
	c.end.Leave()
}
