package ring

import (
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// ackMany settles a lease as acknowledged.
func (c *Consumer) ackMany(l *Lease) {
	if !c.settle(l) {
		return
	}
	r, b := c.r, l.batch
	switch {
	case b == nil:
		if l.k > 1 {
			r.store(l.pos, layout.ReadingWord(l.pos, uint64(l.k), c.seat, true, r.shift))
		}
		r.freeTake(l.pos, uint64(l.k))
		return
	case l.pos == b.pos:
		b.acked = true
		r.store(b.pos, layout.ReadingWord(b.pos, b.k, c.seat, true, r.shift))
	default:
		r.store(l.pos, layout.SkipWord(l.pos, uint64(l.k), r.shift))
	}
	c.settleBatch(b)
}

// ackBatchMany frees a whole take at once if ls are all that is open of it. From when
// its first word says acknowledged until it is free, a crash leaves records of which
// some are acknowledged: those that are still Full come again, flagged, like any whose
// acknowledgement had not returned.
func (c *Consumer) ackBatchMany(ls []Lease) {
	b := ls[0].batch
	if !c.holdsAll(b, ls) {
		for i := range ls {
			if ls[i].by == c {
				c.Ack(&ls[i])
			}
		}
		return
	}
	for i := range ls {
		ls[i].Data = nil
		b.open[ls[i].seq-b.base] = false
	}
	c.many.held -= len(ls)
	c.r.store(b.pos, layout.ReadingWord(b.pos, b.k, c.seat, true, c.r.shift))
	c.r.freeTake(b.pos, b.k)
	c.retire(b)
}

// holdsAll reports whether ls are all open leases of b, in the order in which they were
// handed out, and none was released.
func (c *Consumer) holdsAll(b *batch, ls []Lease) bool {
	if ls[0].by != c || b == nil || b.released || len(ls) != b.left {
		return false
	}
	last := ^uint64(0)
	for i := range ls {
		l := &ls[i]
		n := l.seq - b.base
		if l.batch != b || l.by != c || l.seq < c.many.void || l.Data == nil || n >= uint64(len(b.open)) || !b.open[n] || i > 0 && n <= last {
			return false
		}
		last = n
	}
	return true
}

// settle reports whether a lease is still open, and closes it. A lease may have
// been settled before, through a copy of it or by Close, and its slots be
// somebody else's: nothing is written on behalf of such a one. A batch knows
// which of its leases are open; for a record taken alone its word tells, unless
// this consumer itself took it again.
func (c *Consumer) settle(l *Lease) bool {
	if l.seq < c.many.void {
		return false
	}
	if b := l.batch; b != nil {
		i := l.seq - b.base
		if i >= uint64(len(b.open)) || !b.open[i] {
			return false
		}
		b.open[i] = false
	} else {
		again := func(b *batch) bool { return b.pos == l.pos }
		if c.r.load(l.pos) != layout.ReadingWord(l.pos, uint64(l.k), c.seat, false, c.r.shift) ||
			slices.ContainsFunc(c.many.adopted, again) {
			return false
		}
	}
	c.many.held--
	return true
}

// releaseMany gives a lease back. The hint goes up after the word has changed, so
// who sees the hint finds the orphan.
func (c *Consumer) releaseMany(l *Lease) {
	if !c.settle(l) {
		return
	}
	if b := l.batch; b != nil {
		b.released = true
		c.settleBatch(b)
		return
	}
	c.r.store(l.pos, layout.OrphanWord(l.pos, uint64(l.k), false, c.r.shift))
	atomics.Add64(c.r.orphans, 1)
}

// settleBatch counts one record of b as settled; the last one settles the words.
func (c *Consumer) settleBatch(b *batch) {
	if b.left--; b.left > 0 {
		return
	}
	if b.released {
		c.r.store(b.pos, layout.OrphanWord(b.pos, b.k, b.acked, c.r.shift))
		atomics.Add64(c.r.orphans, 1)
	} else {
		c.r.freeTake(b.pos, b.k)
	}
	c.retire(b)
}

// closeMany gives up all leases and what was inherited for later.
func (c *Consumer) closeMany() {
	m := &c.many
	if m.held > 0 {
		c.r.Reclaim(c.seat)
	}
	c.inherits(0) // after the hint went up
	*m = manyConsumer{rescan: true, numbers: m.numbers, void: m.numbers}
}

// freeTake frees k slots from p on for the next lap, the first word last: until
// then it says whose they are. Nobody else writes these words meanwhile, because a
// producer that walks towards them stops at the first.
//
// Preconditions: the caller owns the take at p; for k > 1 its word says that the
// first record is acknowledged; head is at or beyond p+k.
func (r *Ring) freeTake(p, k uint64) {
	next := layout.FreeWord(p+r.cap, r.shift)
	for i := uint64(1); i < k; i++ {
		r.store(p+i, next)
	}
	r.store(p, next)
}
