package ring

import (
	"errors"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/blockcopy"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
)

// Where producers wait for no subscription, a record may be written over while it is read. So a
// consumer copies it, and then asks how far producers may have come: what they will write is
// announced before the first byte is written, by the intent of a single producer, by tail where
// they are many. A second look at the record's own word would come too late: payload is written
// before it.
//
// A consumer that was lapped jumps to a place where a record begins, a quarter of a lap behind the
// oldest, so that it is not lapped again at once. What it passes over counts with the store of
// the cursor that passes it, see subscription_lost.go, so acknowledged and lost positions are all
// that there were, whoever died. A jump is told once, or again to who takes over from a holder that has
// not come back after it was told: as a record that was handed out comes again.

// ErrLagged: records were written over before this consumer received them. It goes on behind
// them; see Lagged.
var ErrLagged = errors.New("lagged behind: records were overwritten")

// Lagged is what a jump passed over.
type Lagged struct{ From, To uint64 }

// skipping is what a consumer that may be lapped knows beyond others.
type skipping struct {
	on    bool
	last  Lagged
	ahead uint64 // lost behind a lease that is open: not counted yet
	jump  telling
}

// telling is how far the last jump was told.
type telling uint8

const (
	jumpTold    telling = iota
	jumpTelling         // ErrLagged was returned, and no call has followed
	jumpPending         // the next call returns ErrLagged
)

// Lagged returns the positions that the last ErrLagged was about: from the first one that was lost
// on, up to the one at which the consumer goes on.
func (c *Consumer) Lagged() Lagged { return c.single.skip.last }

// Lost returns at how many positions the subscription was lapped, by all its holders. It is exact
// in positions; records are no more than that, since a record may take several and a filler is
// none.
func (c *Consumer) Lost() uint64 {
	if !c.single.skip.on {
		return 0
	}
	return c.single.sub.Lost() + c.single.skip.ahead
}

// written returns the position before which producers may have begun to write.
func (r *Ring) written() uint64 {
	if r.m.Geo.ManyProducers {
		return atomics.Load64(r.tail)
	}
	return atomics.Load64(r.head) // the intent
}

// leaseCopy is leaseNext where the record may be written over. It copies it to buf.
func (c *singleConsumer) leaseCopy(l *Lease, buf []byte) error {
	switch c.skip.jump {
	case jumpPending:
		c.skip.jump = jumpTelling
		return ErrLagged
	case jumpTelling:
		c.jumpTold()
	}
	m := &c.r.m
	for range maxTries {
		p := c.next
		w := m.Load(p)
		lap := w.CompareLap(p, m.Shift)
		switch {
		case lap > 0:
			return c.jump()
		case lap < 0 || w.State() == layout.Free || w.State() == layout.Claimed:
			return ErrEmpty
		case w.State() != layout.Full && w.State() != layout.Skip:
			return ErrDamaged
		}
		k := m.Span(p, w)
		if k == 0 || k > m.Geo.MaxSlotsPerRecord() && w.State() == layout.Full {
			return ErrDamaged
		}
		if w.State() == layout.Full && c.by.mayEnd() {
			if c.by.lookAtEnds(); c.by.beyond(p) {
				return ErrEmpty
			}
			c.by.ends.got = c.by.ends.got || c.by.ends.limited
		}
		if w.State() == layout.Skip {
			c.pass(p + k)
			continue
		}
		data, _, err := c.copyRecord(p, k, buf)
		sentAt := m.SentAt(p)
		atomics.LoadBarrier()
		if int64(c.r.written()-p-m.Cap) > 0 {
			return c.jump() // only now does what was read count
		}
		switch {
		case err == region.ErrTorn:
			c.pass(p + k)
			c.r.dropped()
			continue
		case err != nil:
			return err
		}
		c.next = p + k
		*l = Lease{Data: data, pos: p, k: uint32(k), seq: c.base + uint64(len(c.open)-c.first), by: c.by, sentAt: sentAt}
		if int64(c.seen-p) > 0 {
			l.Redelivered = c.redeliver(l)
		}
		c.open = append(c.open, span{end: p + k})
		return nil
	}
	return ErrEmpty
}

// copyRecord copies the record at p to buf[:0]. What it returns counts only if the record was not
// written over meanwhile.
func (c *singleConsumer) copyRecord(p, k uint64, buf []byte) ([]byte, uint32, error) {
	m := &c.r.m
	shared, meta, err := m.Payload(p, k)
	if err == nil {
		buf = blockcopy.Append(buf[:0], shared)
	}
	if m.Geo.Checksum && (err != nil || c.sums.Sum(m, p, meta, m.SentAt(p), buf) != *m.SumAt(p)) {
		return nil, 0, region.ErrTorn
	}
	if buf == nil {
		buf = []byte{} // a lease has data
	}
	return buf, meta, err
}

// jump goes on at a record that is still whole.
func (c *singleConsumer) jump() error {
	m := &c.r.m
	from := c.next
	limit := c.r.written()
	tail := atomics.Load64(c.r.tail)
	to := region.Later(from+1, limit-m.Cap+m.Cap/4)
	if to = c.r.firstWhole(to, tail); int64(to-from) <= 0 {
		return ErrDamaged // tail is not a lap ahead
	}
	c.skip.last, c.skip.jump = Lagged{from, to}, jumpTelling
	c.skip.ahead += to - from
	c.passLost(to, to-from)
	return ErrLagged
}

// untold returns the positions of the last jump that may not have been told.
func (s *skipping) untold() uint64 {
	if s.jump == jumpTold {
		return 0
	}
	return s.last.To - s.last.From
}

// jumpTold notes that the program has come back after it was told of the last jump.
func (c *singleConsumer) jumpTold() {
	c.skip.jump = jumpTold
	c.sub.toldLost(0)
}

// receiveLine is TryReceive where the record may be written over, as far as one goes the short way:
// without a lease open, a record handed back, a jump to be told, or one that a predecessor may have
// shown, a record in the line of its slot is copied, and counts if it was not written over
// meanwhile. It reports false for any other, of which nothing has happened.
func (c *singleConsumer) receiveLine(buf []byte) ([]byte, bool) {
	r, p := c.r, c.next
	if c.head != p || int64(c.seen-p) > 0 || c.skip.jump == jumpPending || !r.m.Plain {
		return buf, false
	}
	line := r.m.LineAt(p)
	if atomics.Load64((*uint64)(line)) != uint64(layout.FullWord(p, 1, r.m.Shift)) || c.by.mayEnd() { // in this order; see endings
		return buf, false
	}
	n := atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))) // once: a writer may be at it
	if n > min(layout.InlineSize, uint64(cap(buf))) {
		return buf, false
	}
	got := buf[:n]
	readLine(got, line)
	atomics.LoadBarrier()
	if int64(r.written()-p-r.m.Cap) > 0 {
		return buf, false // the long way finds it so, too
	}
	c.next, c.head = p+1, p+1
	c.storeHead()
	return got, true
}

// receiveCopy is TryReceive where the record may be written over: the copy is its lease.
func (c *singleConsumer) receiveCopy(buf []byte) ([]byte, int, error) {
	if got, ok := c.receiveLine(buf); ok {
		return got, 0, nil
	}
	if len(c.returned) > 0 {
		var l Lease
		if err := c.leaseAny(&l); err != nil {
			return buf[:0], 0, err
		}
		buf = blockcopy.Append(buf[:0], l.Data)
		c.settle(&l, true)
		c.storeHandout()
		return buf, l.Redelivered, nil
	}
	var l Lease
	if err := c.leaseCopy(&l, buf); err != nil {
		return buf[:0], 0, err
	}
	c.settle(&l, true)
	if c.holds() { // head stays behind an older lease, so a successor gets this one, too
		c.storeHandout()
	}
	return l.Data, l.Redelivered, nil
}

// receiveCopies is receiveBatch of such records. A jump ends a batch, and the next call tells it.
func (c *singleConsumer) receiveCopies(bufs [][]byte) (n, redelivered int, err error) {
	for n < len(bufs) && len(c.returned) == 0 {
		got, before, err := c.receiveCopy(bufs[n])
		if err != nil {
			if n > 0 && err == ErrLagged {
				c.skip.jump = jumpPending
			}
			if n > 0 || err == ErrEmpty {
				err = nil
			}
			return n, redelivered, err
		}
		bufs[n] = got
		n++
		redelivered += min(before, 1)
	}
	return n, redelivered, nil
}
