//go:build shmqstep

package ring_test

import (
	"errors"
	"slices"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// produce carries out the rest of a producer's plan.
func (w *world) produce(l *life) {
	p, err := w.ring.NewProducer(l.seat)
	if err != nil {
		w.failf("%s: attach: %w", l.name, err)
		return
	}
	w.producer = p
	for w.done[l.seat] < len(w.sends[l.index]) {
		s := w.sends[l.index][w.done[l.seat]]
		w.done[l.seat]++
		ids := make([]uint64, len(s.sizes))
		for i := range ids {
			w.ids[l.index]++
			ids[i] = uint64(l.index)<<32 | w.ids[l.index]
			w.fates[ids[i]] = &fate{}
		}
		sent := 0
		for try := 0; try < s.tries && sent == 0; try++ {
			sent, err = w.send(p, s, ids)
			if err != nil && !errors.Is(err, ring.ErrFull) {
				w.failf("%s: send: %w", l.name, err)
			}
			if sent == 0 && s.turn {
				p.AskTurn()
			}
		}
		if s.turn {
			p.DropTurn()
		}
		for i, id := range ids {
			w.fates[id].returned, w.fates[id].refused = i < sent, i >= sent
		}
	}
}

func (w *world) send(p *ring.Producer, s send, ids []uint64) (int, error) {
	switch s.how {
	case sendCopy:
		if err := p.Send(ringtest.Record(ids[0], s.sizes[0])); err != nil {
			return 0, err
		}
		return 1, nil
	case sendBatch:
		recs := make([][]byte, len(ids))
		for i, id := range ids {
			recs[i] = ringtest.Record(id, s.sizes[i])
		}
		return p.SendBatch(recs)
	}
	n := s.sizes[0]
	b, err := p.Reserve(n)
	if err != nil {
		return 0, err
	}
	ringtest.FillRecord(b, ids[0], 0, n/2)
	ringtest.Yield()
	if s.how == sendAborted {
		p.Abort()
		return 0, nil
	}
	ringtest.FillRecord(b, ids[0], n/2, n)
	return 1, p.Commit(n)
}

// consume carries out the rest of a consumer's plan.
func (w *world) consume(l *life) {
	c := w.ring.NewConsumer(l.seat)
	for w.done[l.seat] < len(w.takes[l.index]) {
		t := w.takes[l.index][w.done[l.seat]]
		w.done[l.seat]++
		w.take(l, c, t)
	}
	w.leave(l)
	c.Close()
}

func (w *world) take(l *life, c *ring.Consumer, t take) {
	if t.receive {
		w.receive(l, c, t)
		return
	}
	ls := make([]ring.Lease, t.most)
	n, err := 0, ring.ErrEmpty
	for try := 0; try < t.tries && err == ring.ErrEmpty; try++ {
		alone := w.alone(l)
		if t.most == 1 {
			if err = c.TryLease(&ls[0]); err == nil {
				n = 1
			}
		} else {
			n, err = c.TryLeaseBatch(ls)
		}
		if err == ring.ErrEmpty && alone {
			w.checkIdle(l, c)
		}
	}
	if err != nil {
		if err != ring.ErrEmpty {
			w.failf("%s: lease: %w", l.name, err)
		}
		return
	}
	ids := make([]uint64, n)
	for i := range ls[:n] {
		ids[i] = w.deliver(l, &ls[i], true)
	}
	if t.whole {
		w.ackBatch(l, c, ls[:n], ids)
		return
	}
	for _, v := range t.settle {
		if v.lease < n {
			w.settle(l, c, ls[v.lease], ids[v.lease], v.how, t.again)
		}
	}
}

// receive takes records that are acknowledged before they are seen. A consumer that
// dies in the call may have acknowledged what no consumer will see.
func (w *world) receive(l *life, c *ring.Consumer, t take) {
	bufs := make([][]byte, t.most)
	n, flagged, err := 0, 0, ring.ErrEmpty
	for try := 0; try < t.tries && err == ring.ErrEmpty; try++ {
		alone := w.alone(l)
		l.receiving = t.most
		if t.most == 1 {
			if bufs[0], flagged, err = c.TryReceive(nil); err == nil {
				n = 1
			}
		} else {
			n, flagged, err = c.TryReceiveBatch(bufs)
		}
		l.receiving = 0
		if err == ring.ErrEmpty && alone {
			w.checkIdle(l, c)
		}
	}
	if err != nil && err != ring.ErrEmpty {
		w.failf("%s: receive: %w", l.name, err)
	}
	if n > 1 && flagged > 0 {
		w.failf("%s: a batch of %d has %d that were delivered before", l.name, n, flagged)
	}
	for _, b := range bufs[:n] {
		id := w.deliver(l, &ring.Lease{Data: b, Redelivered: flagged}, false)
		w.fates[id].holder, w.fates[id].acked = nil, true
	}
}

// ackBatch acknowledges leases in one call.
func (w *world) ackBatch(l *life, c *ring.Consumer, ls []ring.Lease, ids []uint64) {
	for i := range ls {
		if err := ringtest.CheckRecord(ls[i].Data, ids[i], 0, len(ls[i].Data)); err != nil {
			w.failf("%s: held record changed: %w", l.name, err)
		}
		w.fates[ids[i]].holder, w.fates[ids[i]].acking = nil, true
	}
	stale := slices.Clone(ls)
	c.AckBatch(ls)
	for _, id := range ids {
		w.fates[id].acking, w.fates[id].acked = false, true
	}
	c.AckBatch(stale) // does nothing
}

// settle checks that a held record is still whole and gives it up.
func (w *world) settle(l *life, c *ring.Consumer, lease ring.Lease, id uint64, how settleHow, again bool) {
	f := w.fates[id]
	if err := ringtest.CheckRecord(lease.Data, id, 0, len(lease.Data)); err != nil {
		w.failf("%s: held record changed: %w", l.name, err)
	}
	stale := lease
	switch how {
	case settleKeep:
		return
	case settleAck:
		f.holder, f.acking = nil, true
		c.Ack(&lease)
		f.acking, f.acked = false, true
	case settleRelease:
		f.holder = nil
		w.disrupted = true
		c.Release(&lease)
	}
	if again {
		one, two := stale, stale
		c.Release(&one)
		c.Ack(&two)
	}
}

// deliver reads the record of a lease, in halves when it is stepped, and checks
// that it may come here now.
func (w *world) deliver(l *life, lease *ring.Lease, stepped bool) uint64 {
	n := len(lease.Data)
	if n < ringtest.MinRecord {
		w.failf("%s: record of %d bytes", l.name, n)
		return 0
	}
	id, err := ringtest.ReadRecord(lease.Data)
	if err != nil {
		w.failf("%s: torn: %w", l.name, err)
	}
	f := w.fates[id]
	switch {
	case f == nil:
		w.failf("%s: record %#x was never sent", l.name, id)
		w.fates[id] = &fate{}
		return id
	case f.refused:
		w.failf("%s: record %#x was refused to its sender", l.name, id)
	case f.holder != nil:
		w.failf("%s: record %#x was stolen from %s", l.name, id, f.holder.name)
	case f.acked || f.acking:
		w.failf("%s: record %#x comes after it was acknowledged", l.name, id)
	case lease.Redelivered == 0 && (f.delivered > 0 || f.again):
		w.failf("%s: record %#x comes again without a flag", l.name, id)
	case lease.Redelivered != 0 && !w.disrupted:
		w.failf("%s: record %#x is flagged, and no consumer died or released", l.name, id)
	case lease.Redelivered == 0:
		if l.last[id>>32] >= id {
			w.failf("%s: record %#x comes after %#x", l.name, id, l.last[id>>32])
		}
		l.last[id>>32] = id
	}
	f.delivered++
	f.holder = l
	l.handed = append(l.handed, id)
	if stepped {
		ringtest.Yield()
		if err := ringtest.CheckRecord(lease.Data, id, 0, n); err != nil {
			w.failf("%s: held record changed: %w", l.name, err)
		}
	}
	return id
}

// alone reports whether all other participants are gone, and what they held was
// reclaimed. Then Idle after ErrEmpty means that nothing is left.
func (w *world) alone(me *life) bool {
	for _, l := range w.lives {
		if l != me && l.task != nil && !l.task.Done {
			return false
		}
	}
	return true
}

func (w *world) checkIdle(l *life, c *ring.Consumer) {
	for _, f := range w.fates {
		if f.holder != nil {
			return // by l itself, perhaps with others of its batch
		}
	}
	if !c.Idle() {
		return
	}
	left := w.mayLose
	for id, f := range w.fates {
		if f.returned && !f.acked && !f.again {
			if left--; left >= 0 {
				continue
			}
			w.failf("%s: alone and idle, but record %#x is left", l.name, id)
		}
	}
}
