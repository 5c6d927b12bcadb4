package ring

import (
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// ack settles a lease as acknowledged. It reports false if that was done before.
func (c *sharedConsumer) ack(l *Lease) bool {
	if !c.settle(l) {
		return false
	}
	r, b := c.r, l.batch
	switch {
	case b == nil:
		if l.k == 1 {
			r.freeOne(l.pos)
			return true
		}
		r.m.Store(l.pos, layout.ReadingWord(l.pos, uint64(l.k), c.seat, true, r.m.Shift))
		r.freeTake(l.pos, uint64(l.k))
		return true
	case l.pos == b.pos:
		b.acked = true
		r.m.Store(b.pos, layout.ReadingWord(b.pos, b.k, c.seat, true, r.m.Shift))
	default:
		r.m.Store(l.pos, layout.SkipWord(l.pos, uint64(l.k), r.m.Shift))
	}
	c.settleBatch(b)
	return true
}

// ackBatch frees a whole take at once if ls are all that is open of it. From when
// its first word says acknowledged until it is free, a crash leaves records of which
// some are acknowledged: those that are still Full come again, flagged, like any record
// whose acknowledgement had not returned.
func (c *sharedConsumer) ackBatch(ls []Lease) (n, bytes int) {
	b := ls[0].batch
	if !c.holdsAll(b, ls) {
		for i := range ls {
			size := len(ls[i].Data)
			if ls[i].by == c.by && c.by.Ack(&ls[i]) {
				n++
				bytes += size
			}
		}
		return n, bytes
	}
	for i := range ls {
		bytes += len(ls[i].Data)
		ls[i].Data = nil
		b.open[ls[i].seq-b.base] = false
	}
	c.held -= len(ls)
	c.r.m.Store(b.pos, layout.ReadingWord(b.pos, b.k, c.seat, true, c.r.m.Shift))
	c.r.freeTake(b.pos, b.k)
	c.retire(b)
	return len(ls), bytes
}

// holdsAll reports whether ls are all open leases of b, in the order in which they were
// handed out, and none was released.
func (c *sharedConsumer) holdsAll(b *batch, ls []Lease) bool {
	if ls[0].by != c.by || b == nil || b.released || len(ls) != b.left {
		return false
	}
	last := ^uint64(0)
	for i := range ls {
		l := &ls[i]
		n := l.seq - b.base
		if l.batch != b || l.by != c.by || l.seq < c.void || l.Data == nil || n >= uint64(len(b.open)) || !b.open[n] || i > 0 && n <= last {
			return false
		}
		last = n
	}
	return true
}

// settle reports whether a lease is still open, and closes it. A lease may have
// been settled before, through a copy of it or by Close, and its slots be
// another consumer's: nothing is written on behalf of such a one. A batch knows
// which of its leases are open; for a record taken alone its word tells, unless
// this consumer itself took it again.
func (c *sharedConsumer) settle(l *Lease) bool {
	if l.seq < c.void {
		return false
	}
	if b := l.batch; b != nil {
		i := l.seq - b.base
		if i >= uint64(len(b.open)) || !b.open[i] {
			return false
		}
		b.open[i] = false
	} else {
		if c.r.m.Load(l.pos) != layout.ReadingWord(l.pos, uint64(l.k), c.seat, false, c.r.m.Shift) ||
			len(c.inherited) > 0 && slices.ContainsFunc(c.inherited, func(b *batch) bool { return b.pos == l.pos }) {
			return false
		}
	}
	c.held--
	return true
}

// release gives a lease back. The hint goes up after the word has changed, so
// a consumer that sees the hint finds the orphan.
func (c *sharedConsumer) release(l *Lease) {
	if !c.settle(l) {
		return
	}
	if b := l.batch; b != nil {
		b.released = true
		c.settleBatch(b)
		return
	}
	c.r.m.Store(l.pos, layout.OrphanWord(l.pos, uint64(l.k), false, c.r.m.Shift))
	atomics.Add64(c.r.orphans, 1)
}

// settleBatch counts one record of b as settled; the last one settles the words.
func (c *sharedConsumer) settleBatch(b *batch) {
	if b.left--; b.left > 0 {
		return
	}
	if b.released {
		c.r.m.Store(b.pos, layout.OrphanWord(b.pos, b.k, b.acked, c.r.m.Shift))
		atomics.Add64(c.r.orphans, 1)
	} else {
		c.r.freeTake(b.pos, b.k)
	}
	c.retire(b)
}
