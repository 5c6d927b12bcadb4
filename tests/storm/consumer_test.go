//go:build linux

package storm

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
)

// A receiver is a consumer that lives until it is killed, told to leave, or told to
// go on to the end of the stream.
type receiver struct {
	*part
	from   *consumer.Raw
	single bool
	copies bool // uses Receive too
	keeps  bool // releases nothing
	open   []*lease
	given  int // released by a single consumer, and not handed out to it again
	batch  [16]consumer.Lease
}

type lease struct {
	consumer.Lease
	take *take
	id   uint64
}

// Further arguments: whether the consumer is single, whether it is to use Receive.
func consume(c *testproc.Child) {
	p := newPart(c)
	r := &receiver{part: p, single: c.Args[5] == "true", copies: c.Args[6] == "true"}
	p.attach(func() (err error) {
		r.from, err = consumer.OpenRaw(p.queue, &consumer.Options{NoCreate: true, UntilEOF: true})
		return err
	})
	if max := r.from.MaxRecord(); max > maxRecord {
		p.fail("records of %d bytes", max)
	}
	for p.ctx.Err() == nil && !p.journal.full() {
		r.step()
	}
	if p.drain.Load() {
		r.drained()
	}
	p.leave(r.from.Close)
}

// drained goes on until nothing comes.
func (r *receiver) drained() {
	r.settleAll()
	// Not up to the end of the stream, which may have been told to others before this
	// consumer came. A call may find nothing because its effort is spent.
	for empty := 0; empty < 100; empty++ {
		if r.tryLease() {
			r.settleAll()
			empty = 0
		}
	}
}

func (r *receiver) step() {
	// A consumer that waits for a record while it holds others may wait for ever: the ring may
	// have come round to them.
	waits := len(r.open) == 0
	switch n := r.random.IntN(12); {
	case n < 2 && waits:
		r.leaseBatch(func(ls []consumer.Lease) (int, error) { return r.from.LeaseBatch(r.ctx, ls) })
	case n < 4:
		r.leaseBatch(r.from.TryLeaseBatch)
	case n < 7 && r.copies && waits:
		r.receive(func(b []byte) ([]byte, error) { return r.from.Receive(r.ctx, b) })
	case n < 8 && r.copies:
		r.receive(r.from.TryReceive)
	case waits:
		r.lease(r.ctx)
	default:
		r.tryLease()
	}
	r.pause()
	switch {
	case len(r.open) > 8, r.random.IntN(4) > 0:
		r.settleAll()
	case len(r.open) > 0:
		r.settleOne(r.random.IntN(len(r.open)))
	}
}

// end says that there was no record, for a reason that is in order. Between the death
// of the last producer and the next the stream has ended, for this consumer.
func (r *receiver) end(err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, shmq.ErrLagged):
		r.lapped(err)
	case (err == io.EOF || errors.Is(err, shmq.ErrBrokenOff)) && !r.drain.Load():
		time.Sleep(time.Millisecond)
	case err == io.EOF, errors.Is(err, shmq.ErrBrokenOff), errors.Is(err, shmq.ErrEmpty), errors.Is(err, context.Canceled):
	default:
		r.fail("receive: %v", err)
	}
	return true
}

func (r *receiver) lease(ctx context.Context) bool {
	from := now()
	var l consumer.Lease
	var err error
	r.journal.call(func() { l, err = r.from.Lease(ctx) })
	return r.leased(from, l, err)
}

func (r *receiver) tryLease() bool {
	from := now()
	l, err := r.from.TryLease()
	return r.leased(from, l, err)
}

func (r *receiver) leased(from int64, l consumer.Lease, err error) bool {
	if r.end(err) {
		return false
	}
	r.hold(from, l)
	return true
}

func (r *receiver) leaseBatch(lease func([]consumer.Lease) (int, error)) {
	from := now()
	var n int
	var err error
	r.journal.call(func() { n, err = lease(r.batch[:1+r.random.IntN(len(r.batch))]) })
	r.end(err)
	for _, l := range r.batch[:n] {
		r.hold(from, l)
	}
}

func (r *receiver) hold(from int64, l consumer.Lease) {
	id, err := read(l.Bytes())
	if err != nil {
		r.fail("torn: %v", err)
	}
	f := fresh
	if l.Redelivered() > 0 {
		f = redelivered
	}
	r.handed()
	r.open = append(r.open, &lease{l, r.journal.took(id, from, f, held), id})
}

// handed notes that what this consumer released comes before anything new.
func (r *receiver) handed() {
	if r.single && r.given > 0 {
		r.given--
	}
}

// receive lets the record be copied into the journal: if this process is killed after
// the acknowledgement, it is there.
func (r *receiver) receive(receive func([]byte) ([]byte, error)) {
	from := now()
	b := r.journal.buffer[:]
	clear(b[:shortSizes])
	r.journal.receiving.Store(true)
	var err error
	r.journal.call(func() { b, err = receive(b[:0]) })
	if r.end(err) {
		r.journal.receiving.Store(false)
		return
	}
	id, err := read(b)
	if err != nil {
		r.fail("torn: %v", err)
	}
	r.handed()
	r.journal.took(id, from, untold, acked)
	r.journal.receiving.Store(false)
	r.mark()
}

// settleAll acknowledges or releases what is held, in random order.
func (r *receiver) settleAll() {
	for len(r.open) > 0 {
		r.settleOne(r.random.IntN(len(r.open)))
	}
}

func (r *receiver) settleOne(i int) {
	l := r.open[i]
	// No other process may have touched it meanwhile.
	if id, err := read(l.Bytes()); err != nil || id != l.id {
		r.fail("record %x changed while it was held: %x, %v", l.id, id, err)
	}
	r.open[i] = r.open[len(r.open)-1]
	r.open = r.open[:len(r.open)-1]
	if !r.keeps && r.random.IntN(12) == 0 {
		l.take.fate.Store(released)
		l.Release()
		if r.single {
			r.given++
		}
		return
	}
	l.take.fate.Store(acking)
	l.Ack()
	l.take.fate.Store(acked)
	r.mark()
}

// mark notes that nothing is open: then a single consumer's head is behind nothing
// that was acknowledged.
func (r *receiver) mark() {
	if len(r.open) == 0 && r.given == 0 {
		r.journal.final.Store(r.journal.takes.Load())
	}
}
