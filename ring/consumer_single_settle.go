package ring

import (
	"cmp"
	"slices"
)

// settle acknowledges a lease or puts it among the returned ones. It does
// nothing, and reports false, if that was done before, through a copy of the lease.
func (c *singleConsumer) settle(l *Lease, ack bool) bool {
	i := l.seq - c.base
	if i >= uint64(len(c.open)-c.first) {
		return false
	}
	s := &c.open[c.first+int(i)]
	switch {
	case s.settled || s.releases != l.releases:
		return false
	case !ack:
		s.releases++
		back := *l
		back.releases = s.releases
		at, _ := slices.BinarySearchFunc(c.returned, l.seq, func(b Lease, seq uint64) int { return cmp.Compare(b.seq, seq) })
		c.returned = slices.Insert(c.returned, at, back)
	case len(c.open)-c.first == 1: // moveHead for the only one, before which nothing was lost
		c.head = s.end
		c.storeHead()
		c.base++
		c.open, c.first = c.open[:0], 0
		c.refresh()
	default:
		s.settled = true
		if i == 0 {
			c.moveHead()
		}
	}
	return true
}

// ackBatch moves head once.
func (c *singleConsumer) ackBatch(ls []Lease) (n, bytes int) {
	for i := range ls {
		l := &ls[i]
		if l.by != c.by || l.Data == nil {
			continue
		}
		size := len(l.Data)
		l.Data = nil
		k := l.seq - c.base
		if k >= uint64(len(c.open)-c.first) {
			continue
		}
		if s := &c.open[c.first+int(k)]; !s.settled && s.releases == l.releases {
			s.settled = true
			n++
			bytes += size
		}
	}
	c.moveHead()
	return n, bytes
}

// moveHead frees the settled spans up to the first open one.
func (c *singleConsumer) moveHead() {
	n, lost := c.first, uint64(0)
	for n < len(c.open) && c.open[n].settled {
		lost += c.open[n].lost
		n++
	}
	if n == c.first {
		return
	}
	c.head = c.open[n-1].end
	if lost > 0 {
		c.skip.ahead -= lost
		c.sub.willLose(c.head, lost)
	}
	c.storeHead()
	if lost > 0 {
		c.sub.toldLost(c.skip.untold())
	}
	c.base += uint64(n - c.first)
	c.first = n
	switch {
	case n == len(c.open):
		c.open, c.first = c.open[:0], 0
	case n > len(c.open)/2 && n > 64:
		c.open, c.first = slices.Delete(c.open, 0, n), 0
	}
	c.refresh()
}
