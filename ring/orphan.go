package ring

import (
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Records whose holder died or released them stay where they are, behind head, as
// Orphan. The hint in the hot words counts the times that some appeared; a
// consumer whose count is older looks through the ring, oldest position first, so
// that a producer's records are handed out in order. Nothing is ever cleared: a
// consumer that dies during its scan takes nothing from the others'.

// mayInherit reports whether there may be orphans this consumer has not looked at.
func (c *Consumer) mayInherit() bool { return len(c.many.heirs) > 0 || c.Orphans() }

// Orphans reports whether there may be records to deliver again, for this consumer
// or another, that it has not looked for. In a queue with a single consumer there
// are none: what that one released it keeps to itself.
func (c *Consumer) Orphans() bool {
	return c.r.geo.ManyConsumers && (c.many.rescan || c.many.again || atomics.Load64(c.r.orphans) != c.many.seen)
}

// inherit takes the oldest orphan into l. Error: ErrEmpty when there is none, or none
// was found with an effort; then the scan goes on in the next call.
func (c *Consumer) inherit(l *Lease) error {
	m := &c.many
	if !c.ends.limited { // a take may go over several ends
		c.lookAtEnds()
	}
	for spent := uint64(0); spent < c.r.effort(); spent++ {
		if len(m.heirs) > 0 && !c.beyond(m.heirs[0].pos) {
			heir := m.heirs[0]
			m.heirs = m.heirs[1:]
			data, _, err := c.sums.record(c.r, heir.pos, uint64(heir.k))
			if err == errTorn {
				c.dropMany(&heir)
				continue
			}
			*l = heir
			if err != nil {
				return err
			}
			c.sayHeirs()
			m.relieved = len(m.heirs) == 0 || c.beyond(m.heirs[0].pos)
			c.ends.got = c.ends.got || c.ends.limited
			l.Data = data
			l.Redelivered = c.r.redeliver(l.pos)
			return nil
		}
		if now := atomics.Load64(c.r.orphans); now != m.seen || m.again || m.rescan && m.cursor == m.end {
			m.seen, m.rescan, m.again = now, true, false
			c.lookAtEnds() // the hint may have been raised for one
			m.end = atomics.Load64(c.r.head)
			m.cursor = m.end - c.r.cap
		}
		from := m.cursor
		found, k := c.nextOrphan()
		if !found {
			m.rescan = false
			c.sayHeirs()
			return ErrEmpty
		}
		spent += m.cursor - from + k
	}
	return ErrEmpty
}

// nextOrphan moves the cursor to the next orphan that this consumer wins, and
// makes its undelivered records heirs, perhaps none. It returns the slots of the orphan.
func (c *Consumer) nextOrphan() (found bool, slots uint64) {
	r, m := c.r, &c.many
	for ; m.cursor != m.end; m.cursor++ {
		w := r.load(m.cursor)
		if s := w.State(); s != layout.Orphan && s != layout.OrphanAcked {
			continue
		}
		p, k := m.cursor, r.span(m.cursor, w)
		if w.CompareLap(p, r.shift) != 0 || k == 0 {
			continue // of a later lap, and in that one's turn; or scribble
		}
		if c.mayEnd() { // asked after the word was seen
			c.lookAtEnds()
		}
		if c.beyond(p) {
			continue // later; see lookAtEnds
		}
		acked := w.State() == layout.OrphanAcked
		c.inherits(p + 1) // first, for others that ask whether all was handed out
		if !r.cas(p, w, layout.ReadingWord(p, k, c.seat, acked, r.shift)) {
			continue // another consumer was first
		}
		m.cursor++
		c.adopt(p, k, acked)
		return true, k
	}
	return false, 0
}

// adopt lists the records of an orphaned take that were not acknowledged: the
// first unless acked, and those whose word is still Full. Words of slots inside a
// record are Free or of the next lap; words of acknowledged ones are Skip.
func (c *Consumer) adopt(p, k uint64, acked bool) {
	r := c.r
	b := c.newBatch(p, k)
	b.acked = acked
	var heirs []Lease
	heir := func(q, kq uint64) {
		heirs = append(heirs, Lease{pos: q, k: uint32(kq), seq: b.base + uint64(len(heirs)), batch: b, by: c})
	}
	if !acked {
		heir(p, k)
	}
	for i := uint64(1); i < k; i++ {
		w := r.load(p + i)
		kq := r.span(p+i, w)
		if w.State() == layout.Full && w.CompareLap(p, r.shift) == 0 && kq != 0 && i+kq <= k {
			heir(p+i, kq)
		}
	}
	if len(heirs) == 0 {
		r.freeTake(p, k)
		c.retire(b)
		return
	}
	// Those that it has are of later streams.
	c.many.heirs = append(heirs, c.many.heirs...)
	c.openBatch(b, len(heirs))
	c.many.held += b.left
	// The same slot can be an orphan of ours again only if somebody hostile made it one.
	same := func(old *batch) bool { return (old.pos^p)&r.mask == 0 }
	c.many.adopted = append(slices.DeleteFunc(c.many.adopted, same), b)
}
