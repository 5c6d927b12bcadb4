package ring

import (
	"cmp"
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A single consumer polls the word where the next record will appear and never
// writes to it: the line moves once, from the producer to it. head alone frees
// slots, so it follows the oldest record that is not acknowledged.
//
//	      head              next = handout
//	───────┼──────────────────┼───────────── positions
//	 freed │ handed out, open │ not seen yet
//
// handout is stored before a record is handed out, unless head passes it before that.
// If the consumer dies, its successor starts at head, and what lies before handout may
// have been seen.
type oneConsumer struct {
	next uint64
	head uint64 // as shared, which it alone stores
	seen uint64 // the predecessor's handout
	told uint64 // handout as stored last

	// open are the spans between head and next in order, settled or not; the
	// one at index first has number base.
	open  []span
	first int
	base  uint64

	returned []Lease // released, to be handed out again, oldest first
}

type span struct {
	end      uint64
	releases uint32 // how often it was released
	settled  bool
}

// resume starts where the predecessor stopped, or this consumer at its Close.
func (c *Consumer) resume() {
	o, h := &c.one, atomics.Load64(c.r.head)
	*o = oneConsumer{
		next: h,
		head: h,
		told: h,
		seen: atomics.Load64(c.r.handout),
		base: o.base + uint64(len(o.open)-o.first),
	}
}

func (c *Consumer) leaseOne(l *Lease) error {
	err := c.anyOne(l)
	c.storeHandout()
	return err
}

// anyOne takes the oldest returned record, or else the next one. The caller stores
// handout before anybody gets to see it.
func (c *Consumer) anyOne(l *Lease) error {
	for len(c.one.returned) > 0 {
		if err := c.leaseReturned(l); err != errTorn {
			return err
		}
	}
	return c.nextOne(l)
}

// leaseBatchOne stores handout once, before it returns any of the records.
func (c *Consumer) leaseBatchOne(ls []Lease) (n int, err error) {
	for n < len(ls) && err == nil {
		if err = c.anyOne(&ls[n]); err == nil {
			n++
		}
	}
	c.storeHandout()
	if n > 0 && err == ErrEmpty {
		err = nil
	}
	return n, err
}

// storeHandout tells a successor how far records were handed out. It never goes back:
// this consumer may die before it has handed out again all that its predecessor had.
func (c *Consumer) storeHandout() {
	if o := &c.one; int64(o.next-o.seen) > 0 && o.next != o.told {
		o.told = o.next
		atomics.StoreRelease64(c.r.handout, o.next)
	}
}

// nextOne takes the record at next into l.
func (c *Consumer) nextOne(l *Lease) error {
	for range maxTries {
		p := c.one.next
		w := c.r.load(p)
		if w.CompareLap(p, c.r.shift) != 0 {
			if w.CompareLap(p, c.r.shift) > 0 {
				return ErrDamaged // producers can't be a lap ahead of head
			}
			return ErrEmpty
		}
		switch w.State() {
		case layout.Free, layout.Claimed:
			return ErrEmpty
		case layout.Full, layout.Skip:
		default:
			return ErrDamaged
		}
		k := c.r.span(p, w)
		if k == 0 || p+k-c.one.head > c.r.cap {
			return ErrDamaged // no producer writes beyond head and a lap
		}
		if w.State() == layout.Full && c.mayEnd() {
			if c.lookAtEnds(); c.beyond(p) {
				return ErrEmpty
			}
			c.ends.got = c.ends.got || c.ends.limited
		}
		if w.State() == layout.Skip {
			c.passOne(p + k)
			continue
		}
		data, _, err := c.sums.record(c.r, p, k)
		if err == errTorn {
			c.passOne(p + k)
			c.r.dropped()
			continue
		}
		if err != nil {
			return err
		}
		c.one.next = p + k
		*l = Lease{Data: data, pos: p, k: uint32(k), seq: c.one.base + uint64(len(c.one.open)-c.one.first), by: c}
		if int64(c.one.seen-p) > 0 {
			l.Redelivered = c.r.redeliver(p)
		}
		c.one.open = append(c.one.open, span{end: p + k})
		return nil
	}
	return ErrEmpty
}

// passOne goes on to end, without handing out what lies before it.
func (c *Consumer) passOne(end uint64) {
	c.one.next = end
	c.one.open = append(c.one.open, span{end: end, settled: true})
	c.moveHead()
}

// leaseReturned takes the oldest returned record into l. It drops one that is torn, with
// errTorn.
func (c *Consumer) leaseReturned(l *Lease) error {
	back := c.one.returned[0]
	data, _, err := c.sums.record(c.r, back.pos, uint64(back.k))
	if err != nil && err != errTorn {
		return err
	}
	c.one.returned = slices.Delete(c.one.returned, 0, 1)
	if err == errTorn {
		c.settleOne(&back, true)
		c.r.dropped()
		return err
	}
	back.Data = data
	back.Redelivered = c.r.redeliver(back.pos)
	*l = back
	return nil
}

// settleOne acknowledges a lease or puts it among the returned ones. It does
// nothing if that was done before, through a copy of the lease.
func (c *Consumer) settleOne(l *Lease, ack bool) {
	o := &c.one
	i := l.seq - o.base
	if i >= uint64(len(o.open)-o.first) {
		return
	}
	s := &o.open[o.first+int(i)]
	switch {
	case s.settled || s.releases != l.releases:
		return
	case ack:
		s.settled = true
		if i == 0 {
			c.moveHead()
		}
	default:
		s.releases++
		back := *l
		back.releases = s.releases
		at, _ := slices.BinarySearchFunc(o.returned, l.seq, func(b Lease, seq uint64) int { return cmp.Compare(b.seq, seq) })
		o.returned = slices.Insert(o.returned, at, back)
	}
}

// ackBatchOne moves head once.
func (c *Consumer) ackBatchOne(ls []Lease) {
	o := &c.one
	for i := range ls {
		l := &ls[i]
		if l.by != c || l.Data == nil {
			continue
		}
		l.Data = nil
		if n := l.seq - o.base; n < uint64(len(o.open)-o.first) && o.open[o.first+int(n)].releases == l.releases {
			o.open[o.first+int(n)].settled = true
		}
	}
	c.moveHead()
}

// moveHead frees the settled spans up to the first open one.
func (c *Consumer) moveHead() {
	o := &c.one
	n := o.first
	for n < len(o.open) && o.open[n].settled {
		n++
	}
	if n == o.first {
		return
	}
	o.head = o.open[n-1].end
	atomics.StoreRelease64(c.r.head, o.head)
	o.base += uint64(n - o.first)
	o.first = n
	switch {
	case n == len(o.open):
		o.open, o.first = o.open[:0], 0
	case n > len(o.open)/2 && n > 64:
		o.open, o.first = slices.Delete(o.open, 0, n), 0
	}
}
