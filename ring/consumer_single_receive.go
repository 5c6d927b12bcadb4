package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/blockcopy"
	"github.com/shmq/shmq/layout"
)

// TryReceive takes the next record, copies it to buf[:0], which grows if it has to,
// and acknowledges it. It returns the copy, or buf[:0] with an error, and how often
// the record was delivered before; see Lease.Redelivered. Errors: ErrEmpty,
// ErrDamaged.
//
// It does what TryLease and Ack do, without the bookkeeping between them: the copy is
// made before the record is handed out, so a consumer that dies until the
// acknowledgement has not shown it.
func (c *Consumer) TryReceive(buf []byte) ([]byte, int, error) {
	if c.shares {
		return c.shared.receive(buf)
	}
	// The single consumer's way stands here, and not in a method of its own: the call costs
	// a twentieth of a receive. Without a lease open, a record handed back or one that a
	// predecessor may have shown, all that a record of one slot needs is a copy of it and a
	// new head. Any other record is leased.
	s := &c.single
	r, p := s.r, s.next
	line := r.m.LineAt(p)
	w := layout.Word(atomics.Load64((*uint64)(line)))
	if w != layout.FullWord(p, 1, r.m.Shift) {
		if len(s.returned) == 0 && r.unpublished(p, w) && s.skip.jump == jumpTold {
			return buf[:0], 0, ErrEmpty
		}
		return s.receiveLease(buf)
	}
	if !s.fresh || !r.m.Plain || c.mayEnd() {
		return s.receiveLease(buf)
	}
	if n := atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))); n <= min(layout.InlineSize, uint64(cap(buf))) {
		buf = buf[:n]
		readLine(buf, line)
	} else if _, ok := r.copyOut(&buf, p); !ok {
		return buf[:0], 0, ErrDamaged
	}
	// No handout: nothing is handed out before head has passed it.
	s.next = p + 1
	s.head = p + 1
	if s.subscribed {
		atomics.StoreRelease64(s.headAt, uint64(layout.MakeCursor(layout.CursorActive, p+1)))
	} else { // no load more than there has to be
		atomics.StoreRelease64(r.head, p+1)
	}
	return buf, 0, nil
}

func (c *singleConsumer) receiveLease(buf []byte) ([]byte, int, error) {
	if c.skip.on {
		return c.receiveCopy(buf)
	}
	var l Lease
	if err := c.lease(&l); err != nil {
		return buf[:0], 0, err
	}
	buf = blockcopy.Append(buf[:0], l.Data)
	c.settle(&l, true)
	return buf, l.Redelivered, nil
}

// receiveBatch is TryReceiveBatch as far as it goes the short way, with one head for all;
// perhaps not at all.
func (c *singleConsumer) receiveBatch(bufs [][]byte) (n, redelivered int, err error) {
	r := c.r
	if c.skip.on {
		return c.receiveCopies(bufs)
	}
	if !c.fresh {
		return 0, 0, nil
	}
	bufs = bufs[:min(uint64(len(bufs)), r.m.Cap)]
	if !r.m.Plain {
		return c.receiveLeases(bufs)
	}
	// The lines are asked for all at once.
	most := uint64(len(bufs))
	ready := r.m.Run(c.next, most, layout.FullWord(c.next, 1, r.m.Shift))
	if p := c.next + ready; p&r.m.Mask == 0 { // it goes on at the beginning of the ring
		ready += r.m.Run(p, most-ready, layout.FullWord(p, 1, r.m.Shift))
	}
	for n < int(ready) {
		p := c.next + uint64(n)
		line := r.m.LineAt(p)
		if k, buf := atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))), bufs[n]; k <= min(layout.InlineSize, uint64(cap(buf))) {
			bufs[n] = buf[:k]
			readLine(buf[:k], line)
		} else if _, ok := r.copyOut(&bufs[n], p); !ok {
			err = ErrDamaged
			break
		}
		n++
	}
	if e := &c.by.ends; c.by.mayEnd() {
		if c.by.lookAtEnds(); e.limited {
			n = int(max(0, min(int64(n), int64(e.limit-c.next))))
			e.got = e.got || n > 0
		}
	}
	if n == 0 {
		return 0, 0, err
	}
	c.next += uint64(n)
	c.head = c.next
	c.storeHead()
	return n, 0, nil
}

// receiveLeases leases a batch, copies it, and acknowledges it.
func (c *singleConsumer) receiveLeases(bufs [][]byte) (n, redelivered int, err error) {
	if len(c.leases) < len(bufs) {
		c.leases = make([]Lease, len(bufs))
	}
	n, err = c.leaseBatch(c.leases[:len(bufs)])
	redelivered = copyLeases(bufs, c.leases[:n])
	c.ackBatch(c.leases[:n])
	if err == ErrEmpty {
		err = nil // TryReceive finds out
	}
	return n, redelivered, err
}
