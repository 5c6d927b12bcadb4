//go:build shmqstep

package ring_test

import (
	"fmt"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// finish checks what must hold when all participants are gone and what dead ones
// held is reclaimed: nothing names an owner, records that were sent come out, and the ring
// works as a new one does.
func (w *world) finish() {
	shift := w.geo.Shift()
	for i := range w.geo.Slots {
		if word := w.region.Word(i); word.State().Owned() {
			w.failf("slot %d is still %s by seat %d", i, word.State(), word.Seat())
		}
	}
	w.region.Millis.Add(2 * ring.TurnMillis)
	w.drain()
	for id, f := range w.fates {
		switch {
		case f.returned && !f.acked && !f.again && w.mayLose > 0:
			w.mayLose--
		case f.returned && f.delivered == 0:
			w.failf("record %#x is lost", id)
		case f.returned && !f.acked && !f.again:
			w.failf("record %#x was delivered to dead consumers only", id)
		}
	}
	for i := range w.geo.Slots {
		word := w.region.Word(i)
		if s := word.State(); s == layout.Orphan || s == layout.OrphanAcked || s.Owned() {
			w.failf("slot %d is %s k=%d in a drained ring", i, s, word.Slots(shift))
		}
	}
	w.reuse()
}

// drain takes all that is left, in the order in which each producer sent it.
func (w *world) drain() {
	l := &life{name: "drain", last: map[uint64]uint64{}}
	last := map[uint64]uint64{}
	c := w.ring.NewConsumer(w.geo.Seats - 1)
	for range 4 * w.geo.Slots {
		var lease ring.Lease
		switch err := c.TryLease(&lease); err {
		case nil:
		case ring.ErrEmpty:
			if !c.Idle() {
				w.failf("drained, but not idle")
			}
			c.Close()
			return
		default:
			w.failf("drain: %w", err)
			return
		}
		id := w.deliver(l, &lease, false)
		f := w.fates[id]
		if last[id>>32] >= id {
			w.failf("drain: record %#x comes after %#x", id, last[id>>32])
		}
		last[id>>32] = id
		c.Ack(&lease)
		f.holder, f.acked = nil, true
	}
	w.failf("the ring does not drain")
}

// reuse fills and drains the ring for two laps.
func (w *world) reuse() {
	p := w.producer // no other may attach where producers are single
	if w.geo.ManyProducers {
		p, _ = w.ring.NewProducer(w.geo.Seats - 2)
	}
	if err := refill(w.geo, p, w.ring.NewConsumer(w.geo.Seats-1)); err != nil {
		w.failf("%w", err)
	}
}

// refill fills an empty ring to its last slot and drains it, twice, and then sends
// one of the largest records through it.
func refill(g layout.Geometry, p *ring.Producer, c *ring.Consumer) error {
	id := uint64(1) << 40
	for lap := range 3 {
		fits := g.Slots
		size := ringtest.MinRecord
		if lap == 2 {
			fits, size = 1, g.MaxRecord()
		}
		for n := range fits {
			if err := p.Send(ringtest.Record(id+n, size)); err != nil {
				return fmt.Errorf("reuse: lap %d: record %d of %d: %w", lap, n, fits, err)
			}
		}
		for n := range fits {
			var lease ring.Lease
			if err := c.TryLease(&lease); err != nil {
				return fmt.Errorf("reuse: lap %d: take %d of %d: %w", lap, n, fits, err)
			}
			if got, err := ringtest.ReadRecord(lease.Data); err != nil || got != id+n {
				return fmt.Errorf("reuse: got record %#x (%v), want %#x", got, err, id+n)
			}
			c.Ack(&lease)
		}
		id += fits
	}
	return nil
}
