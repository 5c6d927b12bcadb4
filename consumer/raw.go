package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime/debug"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// Raw receives bytes from a queue. It is for one goroutine at a time.
type Raw struct {
	att      *shmq.Attachment
	ring     *ring.Consumer // nil once closed, or lost by a fault
	counters *ring.Counters
	data     *uint32 // where consumers sleep
	room     *uint32 // where producers sleep
	fence    bool
	many     bool
	watchful bool // many or fence: received has more to look at than one word
	untilEOF bool
	guarded  bool
	closed   bool
	untold   error // a fault in a call that returns no error

	spinner park.Spinner
	sleeper *park.Sleeper
	empty   error // what a Try returns; made once
}

// OpenRaw attaches to the queue of that name as a consumer, and makes the queue if
// it is absent. Errors: those of shmq.Attach. opts may be nil.
func OpenRaw(name string, opts *Options) (*Raw, error) {
	att, err := opts.attach(name)
	if err != nil {
		return nil, err
	}
	r := att.Ring()
	var rc *ring.Consumer
	if err := att.Guard(func() error { rc = r.NewConsumer(att.Seat()); return nil }); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(err, att.Detach())}
	}
	c := &Raw{
		att: att, ring: rc, guarded: att.Guarded(), counters: att.Counters(), data: r.DataFutex(), room: r.RoomFutex(),
		fence: att.MustFence(), many: att.Consumers() == shmq.Many, watchful: att.MustFence() || att.Consumers() == shmq.Many, untilEOF: opts.untilEOF(),
		spinner: opts.spinner(), sleeper: park.NewSleeper(r.DataFutex()),
		empty: &shmq.Error{Op: "receive from", Queue: name, Err: fmt.Errorf("%w; wait with Receive, or send something", shmq.ErrEmpty)},
	}
	c.ring.Owner = c
	return c, nil
}

// Name returns the name of the queue.
func (c *Raw) Name() string { return c.att.Name() }

// MaxRecord returns the size of the largest record in bytes.
func (c *Raw) MaxRecord() int { return c.att.MaxRecord() }

// TryReceive takes the next record, copies it to buf[:0], which grows if it has to,
// acknowledges it and returns the copy; with an error it returns buf[:0]. Errors:
// shmq.ErrEmpty, io.EOF, shmq.ErrDamaged, shmq.ErrClosed; shmq.ErrRemoved if the queue was
// removed and nothing is left in it; and those after which the consumer can only be
// closed: shmq.ErrTruncated, shmq.ErrNoSpace.
func (c *Raw) TryReceive(buf []byte) (got []byte, err error) {
	if !c.guarded {
		return c.tryReceive(buf)
	}
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			got, err = buf[:0], c.caught(recover(), was)
		}
	}()
	got, err = c.tryReceive(buf)
	done = true
	debug.SetPanicOnFault(was)
	return got, err
}

func (c *Raw) tryReceive(buf []byte) ([]byte, error) {
	if c.att.Due() {
		if err := c.attend(); err != nil {
			return buf[:0], err
		}
	}
	got, redelivered, err := c.ring.TryReceive(buf)
	if err != nil {
		return got, c.refused(err)
	}
	c.received(len(got))
	if !c.quiet() || redelivered > 0 {
		c.aftermath(redelivered)
	}
	return got, nil
}

// Receive is TryReceive, but waits for a record until ctx ends; then it returns the
// error of ctx, and no record was taken.
func (c *Raw) Receive(ctx context.Context, buf []byte) (got []byte, err error) {
	if !c.guarded {
		return c.receive(ctx, buf)
	}
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			got, err = buf[:0], c.caught(recover(), was)
		}
	}()
	got, err = c.receive(ctx, buf)
	done = true
	debug.SetPanicOnFault(was)
	return got, err
}

func (c *Raw) receive(ctx context.Context, buf []byte) ([]byte, error) {
	if c.att.Due() {
		if err := c.attend(); err != nil {
			return buf[:0], err
		}
	}
	if err := ctx.Err(); err != nil {
		return buf[:0], c.fail(err)
	}
	got, redelivered, err := c.ring.TryReceive(buf)
	if err == ring.ErrEmpty {
		got, redelivered, err = c.receiveLater(ctx, got)
	}
	if err != nil {
		return got, c.refused(err)
	}
	c.received(len(got))
	if !c.quiet() || redelivered > 0 {
		c.aftermath(redelivered)
	}
	return got, nil
}

// receiveLater is apart so that what its closure captures stays off the heap when
// there is a record.
func (c *Raw) receiveLater(ctx context.Context, buf []byte) (got []byte, redelivered int, err error) {
	err = c.wait(ctx, func() error {
		got, redelivered, err = c.ring.TryReceive(buf)
		return err
	})
	return got, redelivered, err
}

// received counts a record of n bytes that was copied and acknowledged.
func (c *Raw) received(n int) {
	c.counters.Records++
	c.counters.Bytes += uint64(n)
}

// quiet reports whether a record that was received leaves nothing to look after: a
// single, registered consumer, and nobody asleep on the other side.
func (c *Raw) quiet() bool { return !c.watchful && !park.Armed(c.room) }

// aftermath wakes who can go on because of a record that was received.
func (c *Raw) aftermath(redelivered int) {
	if redelivered > 0 {
		c.counters.Redelivered++
	}
	c.passOn()
	c.freed()
}

// TryReceiveBatch takes as many records as are ready, at most len(bufs), copies the
// i-th to bufs[i][:0], which grows if it has to, acknowledges them and returns their
// number; shmq.ErrEmpty only if it is 0. It costs one claim where TryReceive costs one
// for each record. A record of several slots, or one that was delivered before, ends
// a batch. A process that dies in the call may have acknowledged records that it did
// not return.
func (c *Raw) TryReceiveBatch(bufs [][]byte) (n int, err error) {
	err = c.guard(func() error {
		got, redelivered, err := c.ring.TryReceiveBatch(bufs)
		n, err = c.receivedBatch(bufs, got, redelivered, err)
		return err
	})
	return n, err
}

// ReceiveBatch is TryReceiveBatch, but waits for the first record until ctx ends.
func (c *Raw) ReceiveBatch(ctx context.Context, bufs [][]byte) (n int, err error) {
	err = c.guard(func() error {
		if err := ctx.Err(); err != nil {
			return c.fail(err)
		}
		got, redelivered, err := c.ring.TryReceiveBatch(bufs)
		if err == ring.ErrEmpty {
			got, redelivered, err = c.receiveBatchLater(ctx, bufs)
		}
		n, err = c.receivedBatch(bufs, got, redelivered, err)
		return err
	})
	return n, err
}

// receiveBatchLater is apart for the same reason as receiveLater.
func (c *Raw) receiveBatchLater(ctx context.Context, bufs [][]byte) (n, redelivered int, err error) {
	err = c.wait(ctx, func() error {
		n, redelivered, err = c.ring.TryReceiveBatch(bufs)
		return err
	})
	return n, redelivered, err
}

func (c *Raw) receivedBatch(bufs [][]byte, n, redelivered int, err error) (int, error) {
	if err != nil {
		return n, c.refused(err)
	}
	c.counters.Records += uint64(n)
	for _, b := range bufs[:n] {
		c.counters.Bytes += uint64(len(b))
	}
	c.counters.Redelivered += uint64(redelivered)
	c.passOn()
	c.freed()
	return n, nil
}

// TryLease takes the next record without copying it. Errors: as TryReceive.
func (c *Raw) TryLease() (l Lease, err error) {
	if !c.guarded {
		return c.tryLease()
	}
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			l, err = Lease{}, c.caught(recover(), was)
		}
	}()
	l, err = c.tryLease()
	done = true
	debug.SetPanicOnFault(was)
	return l, err
}

func (c *Raw) tryLease() (l Lease, err error) {
	if c.att.Due() {
		if err := c.attend(); err != nil {
			return l, err
		}
	}
	if err := c.ring.TryLease(&l.ring); err != nil {
		return l, c.refused(err)
	}
	c.leased(&l)
	return l, nil
}

// Lease is TryLease, but waits for a record until ctx ends.
func (c *Raw) Lease(ctx context.Context) (l Lease, err error) {
	if !c.guarded {
		return c.lease(ctx)
	}
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			l, err = Lease{}, c.caught(recover(), was)
		}
	}()
	l, err = c.lease(ctx)
	done = true
	debug.SetPanicOnFault(was)
	return l, err
}

func (c *Raw) lease(ctx context.Context) (l Lease, err error) {
	if c.att.Due() {
		if err := c.attend(); err != nil {
			return l, err
		}
	}
	if err := ctx.Err(); err != nil {
		return l, c.fail(err)
	}
	err = c.ring.TryLease(&l.ring)
	if err == ring.ErrEmpty {
		err = c.wait(ctx, func() error { return c.ring.TryLease(&l.ring) })
	}
	if err != nil {
		return l, c.refused(err)
	}
	c.leased(&l)
	return l, nil
}

// TryLeaseBatch takes as many records as are ready, at most len(ls), and returns
// their number; shmq.ErrEmpty only if it is 0. With many consumers it costs one
// claim where TryLease costs one for each record, and their slots become free when
// the last of them is acknowledged.
func (c *Raw) TryLeaseBatch(ls []Lease) (n int, err error) {
	err = c.guard(func() error {
		n, err = c.ring.TryLeaseBatch(asRing(ls))
		return c.leasedBatch(ls, n, err)
	})
	return n, err
}

// LeaseBatch is TryLeaseBatch, but waits for the first record until ctx ends.
func (c *Raw) LeaseBatch(ctx context.Context, ls []Lease) (n int, err error) {
	err = c.guard(func() error {
		if err := ctx.Err(); err != nil {
			return c.fail(err)
		}
		rs := asRing(ls)
		n, err = c.ring.TryLeaseBatch(rs)
		if err == ring.ErrEmpty {
			err = c.wait(ctx, func() error {
				n, err = c.ring.TryLeaseBatch(rs)
				return err
			})
		}
		return c.leasedBatch(ls, n, err)
	})
	return n, err
}

// AckBatch acknowledges leases of this consumer, as Ack does each; those of others it
// leaves alone. It is cheaper, most of all if ls is what LeaseBatch returned: then all their
// slots become free in one step.
func (c *Raw) AckBatch(ls []Lease) {
	if c.ring == nil {
		return
	}
	c.quietly(func() {
		n, bytes := c.ring.AckBatch(asRing(ls))
		c.counters.Records += uint64(n)
		c.counters.Bytes += uint64(bytes)
		c.settled()
		c.orphaned()
		c.freed()
	})
}

// All returns the records that follow, until the end of the stream. A record is
// acknowledged when the loop's body is done with it, also if that breaks out of the
// loop; if the body panics or the process dies, it is delivered again. The slice is
// valid in the body only. When ctx ends or an error occurs, the loop gets the error,
// once, and ends.
func (c *Raw) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			l, err := c.Lease(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !l.settle(func() bool { return yield(l.Bytes(), nil) }) {
				return
			}
		}
	}
}

// Close leaves the queue. Leases that are not acknowledged go to another consumer. It
// returns shmq.ErrTruncated or shmq.ErrNoSpace, and leaves all the same, if a fault met it
// or a call that has no error to return.
func (c *Raw) Close() error {
	if c.closed {
		return c.fail(shmq.ErrClosed)
	}
	c.closed = true
	if c.ring != nil {
		c.quietly(c.ring.Close)
	}
	c.ring = nil
	return errors.Join(c.untold, c.att.Detach())
}

// Guard runs f, which may touch the bytes of leases, and makes a fault there an error:
// shmq.ErrTruncated if the file was cut, else shmq.ErrNoSpace. The consumer can only be
// closed then. See shmq.Attachment.Guard.
func (c *Raw) Guard(f func() error) (err error) {
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			err = c.caught(recover(), was)
		}
	}()
	err = f()
	done = true
	debug.SetPanicOnFault(was)
	return err
}

// guard runs f, which uses the ring, unless the consumer can't be used any more.
func (c *Raw) guard(f func() error) error {
	if c.att.Due() {
		if err := c.attend(); err != nil {
			return err
		}
	}
	if !c.guarded {
		return f()
	}
	return c.Guard(f)
}

// quietly is guard for calls without an error. They are allowed as long as there is a
// ring: what was leased from a queue that was removed can be settled.
func (c *Raw) quietly(f func()) {
	if !c.guarded {
		f()
	} else if err := c.Guard(func() error { f(); return nil }); err != nil {
		c.untold = err
	}
}

// caught makes a fault an error. Nothing is done with the ring after that: it may be
// in the middle of anything.
func (c *Raw) caught(panicked any, was bool) error {
	err := c.att.Caught(panicked, was)
	if err == nil {
		return nil // the goroutine ends
	}
	c.ring = nil
	return c.fail(err)
}

// attend is what a call does first when it is due.
func (c *Raw) attend() error {
	err := c.att.Attend()
	if err == nil {
		return nil
	}
	c.untold = nil
	return c.fail(err)
}

// Sync returns when the queue as it is now is on stable storage: what this consumer has
// acknowledged does not come again, whatever happens to the machine. See
// shmq.Attachment.Sync. Errors: shmq.ErrSync, shmq.ErrClosed.
func (c *Raw) Sync() error {
	if c.ring == nil {
		return c.fail(shmq.ErrClosed)
	}
	return c.att.Sync()
}

// StartSync starts to write the queue to stable storage, and does not wait for it; see
// shmq.Attachment.StartSync. Errors: as Sync.
func (c *Raw) StartSync() error {
	if c.ring == nil {
		return c.fail(shmq.ErrClosed)
	}
	return c.att.StartSync()
}

func (c *Raw) leased(l *Lease) {
	c.counters.Hold()
	if l.ring.Redelivered > 0 {
		c.counters.Redelivered++
	}
	c.passOn()
}

func (c *Raw) leasedBatch(ls []Lease, n int, err error) error {
	if n > 0 {
		c.counters.Hold()
	}
	for i := range ls[:n] {
		if ls[i].ring.Redelivered > 0 {
			c.counters.Redelivered++
		}
	}
	if err != nil {
		return c.refused(err)
	}
	c.passOn()
	return nil
}

// settled notes it when the last lease was settled.
func (c *Raw) settled() {
	if !c.ring.Holds() {
		c.counters.HeldSince = 0
	}
}

// refused names the queue in an error of the ring. The end of the stream goes
// through as io.EOF itself.
func (c *Raw) refused(err error) error {
	switch err {
	case ring.ErrEmpty:
		err = c.missed()
	case io.EOF:
		return err
	}
	if err == c.empty || err == io.EOF {
		return err
	}
	return c.fail(err)
}

// missed is what a Try returns that found nothing. Who polls comes here all the time.
func (c *Raw) missed() error {
	if c.fence || park.Armed(c.room) {
		c.idle()
	}
	if err := c.att.Missed(); err != nil {
		return err
	}
	if c.untilEOF || c.att.Ring().Finished() {
		if end, err := c.ended(); err != nil {
			return err
		} else if end {
			return io.EOF
		}
	}
	if err := c.gone(); err != nil {
		return err
	}
	return c.empty
}

func (c *Raw) fail(err error) error {
	c.att.LogDamage(err)
	var named *shmq.Error
	if errors.As(err, &named) {
		return err
	}
	return &shmq.Error{Op: "receive from", Queue: c.att.Name(), Err: c.att.Remedy(err)}
}

// orphaned wakes another consumer if there may be records to deliver again.
func (c *Raw) orphaned() {
	if park.Armed(c.data) && c.ring.Orphans() {
		c.counters.Wakes += uint64(park.WakeOne(c.data))
	}
}

// passOn wakes another consumer if there is more to take: one wake-up may stand for
// several records, and who was woken may leave without taking one.
func (c *Raw) passOn() {
	if c.many && park.Armed(c.data) && c.ring.Ready() {
		c.counters.Wakes += uint64(park.WakeOne(c.data))
	}
}
