package producer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// Raw sends bytes to a queue. It is for one goroutine at a time.
type Raw struct {
	att      *shmq.Attachment
	ring     *ring.Producer // nil once closed, or lost by a fault
	counters *ring.Counters
	data     *uint32 // where consumers sleep
	room     *uint32 // where producers sleep
	fence    bool
	guarded  bool
	closed   bool
	untold   error    // a fault in a call that returns no error
	watchful bool     // fence or durable: who has sent has more to look at than one word
	durable  *durable // nil without Options.Durability

	spinner park.Spinner
	sleeper *park.Sleeper
	full    error // what a Try returns; made once
}

// OpenRaw attaches to the queue of that name as a producer, and makes the queue if
// it is absent. Errors: those of shmq.Attach. opts may be nil.
func OpenRaw(name string, opts *Options) (*Raw, error) {
	att, err := opts.attach(name)
	if err != nil {
		return nil, err
	}
	r := att.Ring()
	var p *ring.Producer
	if err := att.Guard(func() error {
		p, err = r.NewProducer(att.Seat())
		return err
	}); err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(att.Remedy(err), att.Detach())}
	}
	d, err := newDurable(att, opts.durability())
	if err != nil {
		return nil, &shmq.Error{Op: "attach to", Queue: name, Err: errors.Join(err, att.Detach())}
	}
	return &Raw{
		att: att, ring: p, counters: att.Counters(), data: r.DataFutex(), room: r.RoomFutex(),
		fence: att.MustFence(), guarded: att.Guarded(), durable: d, watchful: att.MustFence() || d != nil,
		spinner: opts.spinner(), sleeper: park.NewSleeper(r.RoomFutex()),
		full: &shmq.Error{Op: "send to", Queue: name, Err: fmt.Errorf("%w; wait with Send, or receive faster", shmq.ErrFull)},
	}, nil
}

// Name returns the name of the queue.
func (p *Raw) Name() string { return p.att.Name() }

// MaxRecord returns the size of the largest record in bytes.
func (p *Raw) MaxRecord() int { return p.att.MaxRecord() }

// SlotSize returns the size of the largest record in bytes that takes one slot.
func (p *Raw) SlotSize() int { return p.att.SlotSize() }

// TrySend copies b into the queue as one record. Errors: shmq.ErrFull,
// shmq.ErrTooLarge, shmq.ErrDamaged, shmq.ErrClosed; those after which the producer can
// only be closed: shmq.ErrRemoved, shmq.ErrTruncated, shmq.ErrNoSpace; and with
// Options.Durability shmq.ErrSync, with which the record is in the queue, but not known
// to be on the disk.
func (p *Raw) TrySend(b []byte) (err error) {
	if !p.guarded {
		return p.trySend(b)
	}
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			err = p.caught(recover(), was)
		}
	}()
	err = p.trySend(b)
	done = true
	debug.SetPanicOnFault(was)
	return err
}

func (p *Raw) trySend(b []byte) error {
	if p.att.Due() {
		if err := p.attend(); err != nil {
			return err
		}
	}
	if err := p.ring.Send(b); err != nil {
		return p.refused(err, len(b))
	}
	p.sent(1, len(b))
	if p.awaited() {
		return p.settle(1)
	}
	return nil
}

// Send is TrySend, but waits for room until ctx ends; then it returns the error of
// ctx, and the record was not sent.
func (p *Raw) Send(ctx context.Context, b []byte) (err error) {
	if !p.guarded {
		return p.send(ctx, b)
	}
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			err = p.caught(recover(), was)
		}
	}()
	err = p.send(ctx, b)
	done = true
	debug.SetPanicOnFault(was)
	return err
}

func (p *Raw) send(ctx context.Context, b []byte) error {
	if p.att.Due() {
		if err := p.attend(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return p.fail(err)
	}
	err := p.ring.Send(b)
	if err != nil {
		return p.sendLater(ctx, b, err)
	}
	p.sent(1, len(b))
	if p.awaited() {
		return p.settle(1)
	}
	return nil
}

// sendLater goes on where the ring refused a record.
func (p *Raw) sendLater(ctx context.Context, b []byte, err error) error {
	if err == ring.ErrFull {
		err = p.wait(ctx, len(b), func() error { return p.ring.Send(b) })
	}
	if err != nil {
		return p.refused(err, len(b))
	}
	p.sent(1, len(b))
	return p.settle(1)
}

// TrySendBatch copies records into the queue, as many as there is room for, and
// returns their number; shmq.ErrFull only if it is 0. With many producers it costs
// one claim where TrySend costs one for each record. Consumers may get the records
// in several parts. A record that is too large ends the batch before it.
func (p *Raw) TrySendBatch(recs [][]byte) (n int, err error) {
	err = p.guard(func() error {
		n, err = p.ring.SendBatch(recs)
		n, err = p.batched(recs, n, err)
		return err
	})
	return n, err
}

// SendBatch sends all of recs, and waits for room until ctx ends. It returns how
// many were sent, less than all only with an error; with shmq.ErrSync it may be all. With
// shmq.ErrTruncated or shmq.ErrNoSpace more may have been.
func (p *Raw) SendBatch(ctx context.Context, recs [][]byte) (sent int, err error) {
	err = p.guard(func() error { return p.sendBatch(ctx, recs, &sent) })
	return sent, err
}

func (p *Raw) sendBatch(ctx context.Context, recs [][]byte, sent *int) error {
	for *sent < len(recs) {
		if err := ctx.Err(); err != nil {
			return p.fail(err)
		}
		rest := recs[*sent:]
		n, err := p.ring.SendBatch(rest)
		if err == ring.ErrFull {
			err = p.wait(ctx, len(rest[0]), func() error {
				n, err = p.ring.SendBatch(rest)
				return err
			})
		}
		n, err = p.batched(rest, n, err)
		*sent += n
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Raw) batched(recs [][]byte, n int, err error) (int, error) {
	bytes := 0
	for _, b := range recs[:n] {
		bytes += len(b)
	}
	var unsynced error
	if n > 0 {
		p.sent(n, bytes)
		unsynced = p.settle(n)
	}
	if err != nil && n < len(recs) {
		err = p.refused(err, len(recs[n]))
	} else if err != nil {
		err = p.fail(err)
	}
	if unsynced != nil {
		err = errors.Join(err, unsynced)
	}
	return n, err
}

// TryReserve returns n bytes in the queue for a record to be written in place.
// Commit sends it, Abort gives the room back; one of them has to follow before
// anything else is sent. While a reservation is open, records that other producers
// send after it are not delivered. Who writes where the file may be cut does so in
// Guard. Errors: as TrySend.
func (p *Raw) TryReserve(n int) (b []byte, err error) {
	err = p.guard(func() error {
		b, err = p.ring.Reserve(n)
		return p.reserved(err, n)
	})
	return b, err
}

// Reserve is TryReserve, but waits for room until ctx ends.
func (p *Raw) Reserve(ctx context.Context, n int) (b []byte, err error) {
	err = p.guard(func() error {
		if err := ctx.Err(); err != nil {
			return p.fail(err)
		}
		b, err = p.ring.Reserve(n)
		if err == ring.ErrFull {
			err = p.wait(ctx, n, func() error {
				b, err = p.ring.Reserve(n)
				return err
			})
		}
		return p.reserved(err, n)
	})
	return b, err
}

func (p *Raw) reserved(err error, n int) error {
	if err != nil {
		return p.refused(err, n)
	}
	p.counters.Hold()
	return nil
}

// Commit sends the first n bytes of the reservation as a record. The slice that
// Reserve returned must not be used afterwards. Error: when there is no
// reservation, or it is smaller; and those after which nothing was sent and the producer
// can only be closed, as of TrySend.
func (p *Raw) Commit(n int) error {
	return p.guard(func() error {
		if err := p.ring.Commit(n); err != nil {
			return p.fail(fmt.Errorf("commit of %d bytes: %w", n, err))
		}
		p.counters.HeldSince = 0
		p.sent(1, n)
		return p.settle(1)
	})
}

// Abort gives the reservation back. Without one it does nothing.
func (p *Raw) Abort() {
	if p.ring != nil {
		p.quietly(func() {
			p.ring.Abort()
			p.counters.HeldSince = 0
			p.notify() // a skipped slot is passed over by consumers
		})
	}
}

// Finish marks the end of the stream and closes the producer: once it and all
// others are gone, consumers that have received everything get io.EOF. If a
// producer attaches later, the stream goes on. If the queue was removed it returns
// shmq.ErrRemoved, and closes the producer as well: what was sent lately may have found
// nobody who receives it.
func (p *Raw) Finish() error {
	if p.closed {
		return p.fail(shmq.ErrClosed)
	}
	err := p.att.Removed()
	if err == nil {
		err = p.guard(func() error { p.att.Ring().FinishStream(); return nil })
	}
	if err != nil {
		p.untold = p.fail(err)
	}
	if p.durable != nil {
		p.durable.mark()
	}
	return p.Close()
}

// Close leaves the queue. An open reservation is aborted. What was sent stays; with
// Options.Durability it is on the disk afterwards, or the error wraps shmq.ErrSync. It
// returns shmq.ErrTruncated or shmq.ErrNoSpace, and leaves all the same, if a fault met it
// or a call that has no error to return.
func (p *Raw) Close() error {
	if p.closed {
		return p.fail(shmq.ErrClosed)
	}
	p.closed = true
	if p.ring != nil {
		p.quietly(p.ring.Abort)
	}
	p.ring = nil
	if p.durable != nil {
		p.untold = errors.Join(p.untold, p.durable.close())
	}
	return errors.Join(p.untold, p.att.Detach())
}

// Sync returns when all that is in the queue, from this producer and all others, is on
// stable storage; see shmq.Attachment.Sync. Errors: shmq.ErrSync, shmq.ErrClosed.
func (p *Raw) Sync() error {
	if p.closed {
		return p.fail(shmq.ErrClosed)
	}
	if p.durable != nil {
		return p.durable.sync()
	}
	return p.att.Sync()
}

// StartSync starts to write what is in the queue to stable storage, and does not wait
// for it; see shmq.Attachment.StartSync. Errors: as Sync.
func (p *Raw) StartSync() error {
	if p.closed {
		return p.fail(shmq.ErrClosed)
	}
	return p.att.StartSync()
}

// Guard runs f, which may touch what Reserve returned, and makes a fault there an error:
// shmq.ErrTruncated if the file was cut, else shmq.ErrNoSpace. The producer can only be
// closed then. See shmq.Attachment.Guard.
func (p *Raw) Guard(f func() error) (err error) {
	was, done := debug.SetPanicOnFault(true), false
	defer func() {
		if !done {
			err = p.caught(recover(), was)
		}
	}()
	err = f()
	done = true
	debug.SetPanicOnFault(was)
	return err
}

// guard runs f, which uses the ring, unless the producer can't be used any more.
func (p *Raw) guard(f func() error) error {
	if p.att.Due() {
		if err := p.attend(); err != nil {
			return err
		}
	}
	if !p.guarded {
		return f()
	}
	return p.Guard(f)
}

// quietly is guard for calls without an error. They need not learn of a removal.
func (p *Raw) quietly(f func()) {
	if !p.guarded {
		f()
	} else if err := p.Guard(func() error { f(); return nil }); err != nil {
		p.untold = err
	}
}

// caught makes a fault an error. Nothing is done with the ring after that: it may be
// in the middle of anything.
func (p *Raw) caught(panicked any, was bool) error {
	err := p.att.Caught(panicked, was)
	if err == nil {
		return nil // the goroutine ends
	}
	p.ring = nil
	return p.fail(err)
}

// attend is what a call does first when it is due. A producer of a queue that was
// removed gives back what it has reserved, for consumers to get what lies behind it.
func (p *Raw) attend() error {
	err := p.att.Attend()
	if err == nil {
		return nil
	}
	p.untold = nil
	if p.ring != nil {
		p.Abort()
	}
	return p.fail(err)
}

// sent counts.
func (p *Raw) sent(n, bytes int) {
	p.counters.Records += uint64(n)
	p.counters.Bytes += uint64(bytes)
}

// settle does for n records that were sent what is left to do: it wakes a consumer if
// one is asleep, and keeps the promise of durability.
func (p *Raw) settle(n int) error {
	p.notify()
	if p.durable == nil {
		return nil
	}
	return p.durable.add(n)
}

// notify wakes a consumer if one is asleep.
func (p *Raw) notify() {
	if p.awaited() {
		p.wake()
	}
}

// awaited reports whether there is more to do than to publish: somebody may be asleep,
// and who publishes unregistered can't tell; or the records have to be on the disk.
func (p *Raw) awaited() bool { return p.watchful || park.Armed(p.data) }

func (p *Raw) wake() {
	if p.fence {
		atomics.Fence()
	}
	if park.Armed(p.data) {
		p.counters.Wakes += uint64(park.WakeOne(p.data))
	}
}

// notifyFiller wakes a consumer to pass over a filler. Nothing else that a failed
// try does is news: to wake consumers all the same would keep both sides awake when
// neither can go on, each looking because of the other.
func (p *Raw) notifyFiller() {
	if p.ring.Filled() {
		p.notify()
	}
}

// refused names the queue in an error of the ring. Room may have gone to a filler.
func (p *Raw) refused(err error, n int) error {
	p.notifyFiller()
	switch {
	case err == ring.ErrFull:
		if err := p.att.Missed(); err != nil {
			return p.fail(err)
		}
		return p.full
	case err == ring.ErrTooLarge:
		return p.fail(fmt.Errorf("%w: it has %d bytes, the limit of this queue is %d; make one with larger or more slots (shmq create --slot-size, --slots)", err, n, p.MaxRecord()))
	}
	return p.fail(err)
}

func (p *Raw) fail(err error) error {
	p.att.LogDamage(err)
	var named *shmq.Error
	if errors.As(err, &named) {
		return err
	}
	return &shmq.Error{Op: "send to", Queue: p.att.Name(), Err: p.att.Remedy(err)}
}
