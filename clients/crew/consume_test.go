//go:build linux

package crew

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
)

// receiver is a consumer of the storm, until it is killed, told to leave, or told to go on until
// nothing comes.
type receiver struct {
	*worker
	from   *consumer.Raw
	random *rand.Rand
	open   []holding
	batch  [16]consumer.Lease
}

type holding struct {
	consumer.Lease
	id uint64
}

// Arguments: life, queue, journal, seed.
func consume(c *testproc.Child) {
	w := newWorker(c, c.Args[0], c.Args[2])
	r := &receiver{worker: w, random: w.seeded(c.Args[3])}
	r.from = attach(w, func() (*consumer.Raw, error) {
		return consumer.OpenRaw(c.Args[1], &consumer.Options{NoCreate: true})
	})
	w.mark(attached)
	for w.ctx.Err() == nil {
		r.step()
	}
	r.settleAll()
	// A call may find nothing because its effort is spent.
	for empty := 0; w.drain.Load() && empty < 100; empty++ {
		r.lease(1, false)
		if len(r.open) > 0 {
			empty = 0
		}
		r.settleAll()
	}
	w.mark(leaving)
	w.check(r.from.Close())
	w.leave()
}

func (r *receiver) step() {
	// A consumer that waits for a record while it holds others may wait for ever: the ring may have
	// come round to them.
	waits := len(r.open) == 0
	switch n := r.random.IntN(12); {
	case n < 2:
		r.lease(1+r.random.IntN(16), waits)
	case n < 4:
		r.lease(1+r.random.IntN(16), false)
	default:
		r.lease(1, waits)
	}
	pause(r.random)
	if len(r.open) > 8 || r.random.IntN(4) > 0 {
		r.settleAll()
	} else if len(r.open) > 0 {
		r.settle(r.random.IntN(len(r.open)))
	}
}

func (r *receiver) lease(most int, waits bool) {
	began := now()
	n, err := r.call(context.Background(), most, false)
	if waits && errors.Is(err, shmq.ErrEmpty) {
		r.mark(wait)
		began = now()
		n, err = r.call(r.ctx, most, true)
	}
	if err != nil && !errors.Is(err, shmq.ErrEmpty) && !errors.Is(err, context.Canceled) {
		r.fail("receive: %v", err)
	}
	for _, l := range r.batch[:n] {
		id, err := ringtest.ReadRecord(l.Bytes())
		if err != nil {
			r.fail("torn: %v", err)
		}
		r.note(entry{kind: took, flag: l.Redelivered() > 0, id: id, a: began})
		r.open = append(r.open, holding{l, id})
	}
}

func (r *receiver) call(ctx context.Context, most int, waits bool) (int, error) {
	var err error
	switch {
	case most > 1 && waits:
		return r.from.LeaseBatch(ctx, r.batch[:most])
	case most > 1:
		return r.from.TryLeaseBatch(r.batch[:most])
	case waits:
		r.batch[0], err = r.from.Lease(ctx)
	default:
		r.batch[0], err = r.from.TryLease()
	}
	return one(err)
}

func (r *receiver) settleAll() {
	for len(r.open) > 0 {
		r.settle(r.random.IntN(len(r.open)))
	}
}

func (r *receiver) settle(i int) {
	l := r.open[i]
	// No other process may have touched it meanwhile.
	if id, err := ringtest.ReadRecord(l.Bytes()); err != nil || id != l.id {
		r.fail("record %x changed while it was held: %x, %v", l.id, id, err)
	}
	r.open[i] = r.open[len(r.open)-1]
	r.open = r.open[:len(r.open)-1]
	if r.random.IntN(12) == 0 {
		r.note(entry{kind: releasing, id: l.id})
		l.Release()
		return
	}
	r.note(entry{kind: acking, id: l.id})
	l.Ack()
	r.note(entry{kind: acked, id: l.id})
}
