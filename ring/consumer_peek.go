package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// Peek reports whether a call for a record is worth while: false only if it would return
// ErrEmpty. It takes nothing, but does what such a call does on its way to a record: it helps
// head along, passes over what became no record, scans for orphans, and looks at the ends of streams. Another consumer may be
// faster, and a record that Peek has seen may be torn.
func (c *Consumer) Peek() bool {
	if c.shares {
		return c.shared.peek()
	}
	// The commonest case: a record of one slot.
	p := c.single.next
	return c.r.m.Load(p) == layout.FullWord(p, 1, c.r.m.Shift) && !c.mayEnd() || c.single.peek()
}

func (c *singleConsumer) peek() bool {
	if len(c.returned) > 0 || c.skip.jump == jumpPending {
		return true
	}
	for range maxTries {
		p := c.next
		w := c.r.m.Load(p)
		if lap := w.CompareLap(p, c.r.m.Shift); lap != 0 {
			return lap > 0 // damage, which the call finds
		}
		switch w.State() {
		case layout.Free, layout.Claimed:
			return false
		case layout.Skip:
			k := c.r.m.Span(p, w)
			if k == 0 || !c.skip.on && p+k-c.head > c.r.m.Cap || c.skip.jump == jumpTelling {
				return true // damage, or the end of a jump: for the call
			}
			c.pass(p + k) // else nobody gets its slots, or is told an end behind it
			continue
		}
		if c.by.mayEnd() { // asked after the word was seen
			c.by.lookAtEnds()
		}
		return !c.by.beyond(p)
	}
	return true
}

func (c *sharedConsumer) peek() bool {
	if len(c.heirs) > 0 && !c.by.beyond(c.heirs[0].pos) || c.orphans() && c.peekOrphans() {
		return true
	}
	r := c.r
	for spent := uint64(0); spent < r.effort(); spent++ {
		hint := atomics.Load64(r.head)
		c.next = region.Later(c.next, hint)
		h := c.next
		if h-hint > r.m.MaxLag() {
			return true // damage, which the call finds
		}
		w := r.m.Load(h)
		switch lap := w.CompareLap(h, r.m.Shift); {
		case lap < 0:
			return c.caughtUp() == nil
		case lap > 0:
			if !r.passed(h, w, &c.claimed) {
				return true
			}
			c.next = h + 1 // taken and freed since
			continue
		}
		k := r.m.Span(h, w)
		switch st := w.State(); {
		case st == layout.Free || st == layout.Claimed:
			return c.caughtUp() == nil
		case k == 0 || st > layout.Skip:
			return true
		case st == layout.Full:
			if c.by.mayEnd() {
				c.by.lookAtEnds()
			}
			return !c.by.beyond(h) || c.caughtUp() == nil
		}
		c.next = h + k // taken, orphaned or skipped
	}
	return false
}

// peekOrphans is inherit without the take: it scans up to the first orphan, where the next
// inherit goes on.
func (c *sharedConsumer) peekOrphans() bool {
	r := c.r
	if !c.by.ends.limited {
		c.by.lookAtEnds()
	}
	c.beginScan()
	for ; c.cursor != c.end; c.cursor++ {
		w := r.m.Load(c.cursor)
		if s := w.State(); s != layout.Orphan && s != layout.OrphanAcked {
			continue
		}
		if w.CompareLap(c.cursor, r.m.Shift) != 0 || r.m.Span(c.cursor, w) == 0 {
			continue
		}
		if c.by.mayEnd() {
			c.by.lookAtEnds()
		}
		if !c.by.beyond(c.cursor) {
			return true
		}
	}
	c.rescan = false
	c.sayHeirs()
	return false
}

// beginScan begins a scan for orphans, if there may be some that the last one has not seen.
func (c *sharedConsumer) beginScan() {
	if now := atomics.Load64(c.r.orphans); now != c.seen || c.again || c.rescan && c.cursor == c.end {
		c.seen, c.rescan, c.again = now, true, false
		c.by.lookAtEnds()      // the hint may have been raised for one
		c.end = c.r.nextTake() // all that was taken lies before it
		c.cursor = c.end - c.r.m.Cap
	}
}
