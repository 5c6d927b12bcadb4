package ring

import (
	"slices"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// Records whose holder died or released them stay where they are, behind head, as
// Orphan. The hint in the hot words counts the times that some appeared; a
// consumer whose count is older scans the ring, oldest position first, so that
// a producer's records are handed out in order. Nothing is ever cleared: a
// consumer that dies during its scan takes nothing from the others'.

// backlog reports whether there may be orphans that this consumer has not scanned for, or
// some that it has inherited and not handed out.
func (c *sharedConsumer) backlog() bool { return len(c.heirs) > 0 || c.orphans() }

func (c *sharedConsumer) orphans() bool {
	return c.rescan || c.again || atomics.Load64(c.r.orphans) != c.seen
}

// inherit takes the oldest orphan into l. Error: ErrEmpty when there is none, or none
// was found with an effort; then the scan goes on in the next call.
func (c *sharedConsumer) inherit(l *Lease) error {
	if !c.by.ends.limited { // a take may go over several ends
		c.by.lookAtEnds()
	}
	for spent := uint64(0); spent < c.r.effort(); spent++ {
		if len(c.heirs) > 0 && !c.by.beyond(c.heirs[0].pos) {
			heir := c.heirs[0]
			c.heirs = c.heirs[1:]
			data, _, err := c.sums.Record(&c.r.m, heir.pos, uint64(heir.k))
			if err == region.ErrTorn {
				c.drop(&heir)
				continue
			}
			*l = heir
			if err != nil {
				return err
			}
			c.sayHeirs()
			c.relieved = len(c.heirs) == 0 || c.by.beyond(c.heirs[0].pos)
			c.by.ends.got = c.by.ends.got || c.by.ends.limited
			l.Data = data
			l.Redelivered = c.r.m.Redeliver(l.pos)
			return nil
		}
		c.beginScan()
		from := c.cursor
		found, k := c.nextOrphan()
		if !found {
			c.rescan = false
			c.sayHeirs()
			return ErrEmpty
		}
		spent += c.cursor - from + k
	}
	return ErrEmpty
}

// nextOrphan moves the cursor to the next orphan that this consumer wins, and
// makes its undelivered records heirs, perhaps none. It returns the slots of the orphan.
func (c *sharedConsumer) nextOrphan() (found bool, slots uint64) {
	r := c.r
	for ; c.cursor != c.end; c.cursor++ {
		w := r.m.Load(c.cursor)
		if s := w.State(); s != layout.Orphan && s != layout.OrphanAcked {
			continue
		}
		p, k := c.cursor, r.m.Span(c.cursor, w)
		if w.CompareLap(p, r.m.Shift) != 0 || k == 0 {
			continue // of a later lap, and in that one's turn; or scribble
		}
		if c.by.mayEnd() { // asked after the word was seen
			c.by.lookAtEnds()
		}
		if c.by.beyond(p) {
			continue // later; see lookAtEnds
		}
		acked := w.State() == layout.OrphanAcked
		c.inherits(p + 1) // first, for others that ask whether all was handed out
		if !r.m.CAS(p, w, layout.ReadingWord(p, k, c.seat, acked, r.m.Shift)) {
			continue // another consumer was first
		}
		c.cursor++
		c.inheritTake(p, k, acked)
		return true, k
	}
	return false, 0
}

// inheritTake lists the records of an orphaned take that were not acknowledged: the
// first unless acked, and those whose word is still Full. Words of slots inside a
// record are Free or of the next lap; words of acknowledged ones are Skip.
func (c *sharedConsumer) inheritTake(p, k uint64, acked bool) {
	r := c.r
	b := c.newBatch(p, k)
	b.acked = acked
	var heirs []Lease
	heir := func(q, kq uint64) {
		heirs = append(heirs, Lease{pos: q, k: uint32(kq), seq: b.base + uint64(len(heirs)), batch: b, by: c.by})
	}
	if !acked {
		heir(p, k)
	}
	for i := uint64(1); i < k; i++ {
		w := r.m.Load(p + i)
		kq := r.m.Span(p+i, w)
		if w.State() == layout.Full && w.CompareLap(p, r.m.Shift) == 0 && kq != 0 && i+kq <= k {
			heir(p+i, kq)
		}
	}
	if len(heirs) == 0 {
		r.freeTake(p, k)
		c.retire(b)
		return
	}
	// Those that it has are of later streams.
	c.heirs = append(heirs, c.heirs...)
	c.openBatch(b, len(heirs))
	c.held += b.left
	// The same slot can be an orphan of ours again only if a hostile process made it one.
	same := func(old *batch) bool { return (old.pos^p)&r.m.Mask == 0 }
	c.inherited = append(slices.DeleteFunc(c.inherited, same), b)
}
