package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// TryReceive takes the next record, copies it to buf[:0], which grows if it has to,
// and acknowledges it. It returns the copy, or buf[:0] with an error, and how often
// the record was delivered before; see Lease.Redelivered. Errors: ErrEmpty,
// ErrDamaged.
//
// It does what TryLease and Ack do, without the bookkeeping between them: the copy is
// made before the record is handed out, so a consumer that dies until the
// acknowledgement has shown it to nobody.
func (c *Consumer) TryReceive(buf []byte) ([]byte, int, error) {
	r := c.r
	if r.geo.ManyConsumers {
		return c.receiveMany(buf)
	}
	if !r.plain {
		return c.receiveLease(buf)
	}
	// Without a lease open, a record handed back or one that a predecessor may
	// have shown, all that a record needs is a copy of it and a new head.
	o := &c.one
	p := o.next
	line := unsafe.Add(r.slots, (p&r.mask)*layout.SlotSize)
	w := layout.Word(atomics.Load64((*uint64)(line)))
	if w != layout.FullWord(p, 1, r.shift) {
		if len(o.returned) == 0 && r.awaited(p, w) {
			return buf[:0], 0, ErrEmpty
		}
		return c.receiveLease(buf)
	}
	if o.head != p || len(o.returned) != 0 || int64(o.seen-p) > 0 {
		return c.receiveLease(buf)
	}
	var data []byte
	if n := atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))); n <= layout.InlineSize {
		data = (*[layout.InlineSize]byte)(unsafe.Add(line, layout.SlotInline))[:n]
	} else if area, _, ok := r.oneArea(p); ok {
		data = area
	} else {
		return buf[:0], 0, ErrDamaged
	}
	if cap(buf) < len(data) {
		buf = make([]byte, len(data))
	}
	buf = buf[:len(data)]
	copy(buf, data)
	// No handout: nothing is handed out before head has passed it.
	o.next = p + 1
	o.head = p + 1
	atomics.StoreRelease64(r.head, p+1)
	return buf, 0, nil
}

// receiveMany takes a record of one slot at head: the two compare-and-swaps of take,
// the copy, and the store that frees. What needs more goes the long way.
func (c *Consumer) receiveMany(buf []byte) ([]byte, int, error) {
	r := c.r
	if !r.plain || c.mayInherit() {
		return c.receiveLease(buf)
	}
	h := atomics.Load64(r.head)
	line := unsafe.Add(r.slots, (h&r.mask)*layout.SlotSize)
	w := layout.Word(atomics.Load64((*uint64)(line)))
	full := layout.FullWord(h, 1, r.shift)
	if w != full {
		if r.awaited(h, w) {
			return buf[:0], 0, ErrEmpty
		}
		return c.receiveLease(buf)
	}
	if !atomics.CAS64((*uint64)(line), uint64(w), uint64(layout.ReadingWord(h, 1, c.seat, false, r.shift))) {
		return c.receiveLease(buf)
	}
	c.many.held++ // if the copy fails the word stays ours until Close
	atomics.CAS64(r.head, h, h+1)
	data, meta, ok := r.lineOrAreas(line, h)
	if !ok {
		return buf[:0], 0, ErrDamaged
	}
	if cap(buf) < len(data) {
		buf = make([]byte, len(data))
	}
	buf = buf[:len(data)]
	copy(buf, data)
	atomics.StoreRelease64((*uint64)(line), uint64(layout.FreeWord(h+r.cap, r.shift)))
	c.many.held--
	return buf, int(meta >> layout.MetaDeliveriesShift), nil
}

// lineOrAreas is payload for a record of one slot, whose line the caller has.
func (r *Ring) lineOrAreas(line unsafe.Pointer, p uint64) (b []byte, meta uint32, ok bool) {
	if lm := atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))); lm <= layout.InlineSize {
		return (*[layout.InlineSize]byte)(unsafe.Add(line, layout.SlotInline))[:lm], 0, true
	}
	return r.oneArea(p)
}

func (r *Ring) oneArea(p uint64) (b []byte, meta uint32, ok bool) {
	b, meta, err := r.payload(p, 1)
	return b, meta, err == nil
}

// awaited reports whether w, the word at p, is Free in the lap of p or of a lap before
// it: no record is there yet. Words without an owner are in the order of their laps.
func (r *Ring) awaited(p uint64, w layout.Word) bool {
	return !w.State().Owned() && int64(w-layout.FreeWord(p, r.shift)) <= 0
}

func (c *Consumer) receiveLease(buf []byte) ([]byte, int, error) {
	var l Lease
	if err := c.TryLease(&l); err != nil {
		return buf[:0], 0, err
	}
	buf = append(buf[:0], l.Data...)
	c.Ack(&l)
	return buf, l.Redelivered, nil
}
