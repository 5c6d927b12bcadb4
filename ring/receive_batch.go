package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// TryReceiveBatch takes as many records as are ready, at most len(bufs), copies the
// i-th to bufs[i][:0], which grows if it has to, and acknowledges them. It returns
// their number, and how many of them were delivered before; ErrEmpty when there is
// none. A record that was delivered before ends a batch and comes alone; without
// checksums and time stamps, so does one of several slots. Errors: as TryReceive.
//
// Consumers that are many pay one claim for all; a single one moves head once.
func (c *Consumer) TryReceiveBatch(bufs [][]byte) (n, redelivered int, err error) {
	if len(bufs) == 0 {
		return 0, 0, nil
	}
	switch g := &c.r.geo; {
	case !c.r.plain:
		n, redelivered, err = c.receiveBatchLease(bufs)
	case g.ManyConsumers:
		n, err = c.receiveBatchMany(bufs)
	default:
		n, err = c.receiveBatchOne(bufs)
	}
	if n > 0 || err != nil {
		return n, redelivered, err
	}
	got, before, err := c.TryReceive(bufs[0])
	bufs[0] = got
	if err != nil {
		return 0, 0, err
	}
	return 1, min(before, 1), nil
}

// fresh reports that no lease is open and nothing that was delivered before comes next.
func (o *oneConsumer) fresh() bool {
	return o.head == o.next && len(o.returned) == 0 && int64(o.seen-o.next) <= 0
}

// receiveBatchOne is TryReceive's short way, with one head for all.
func (c *Consumer) receiveBatchOne(bufs [][]byte) (n int, err error) {
	o, r := &c.one, c.r
	bufs = bufs[:min(uint64(len(bufs)), r.cap)]
	if !o.fresh() {
		return 0, nil
	}
	for n < len(bufs) {
		p := o.next + uint64(n)
		line := unsafe.Add(r.slots, (p&r.mask)*layout.SlotSize)
		if atomics.Load64((*uint64)(line)) != uint64(layout.FullWord(p, 1, r.shift)) {
			break
		}
		if !r.copyOut(&bufs[n], line, p) {
			err = ErrDamaged
			break
		}
		n++
	}
	if n == 0 {
		return 0, err
	}
	o.next += uint64(n)
	o.head = o.next
	atomics.StoreRelease64(r.head, o.head)
	return n, nil
}

// receiveBatchLease leases a batch, copies it, and acknowledges it.
func (c *Consumer) receiveBatchLease(bufs [][]byte) (n, redelivered int, err error) {
	if c.r.geo.ManyConsumers && c.mayInherit() || !c.r.geo.ManyConsumers && !c.one.fresh() {
		return 0, 0, nil
	}
	want := min(len(bufs), int(c.r.cap))
	if len(c.leases) < want {
		c.leases = make([]Lease, want)
	}
	ls := c.leases[:want]
	n, err = c.TryLeaseBatch(ls)
	for i := range ls[:n] {
		bufs[i] = append(bufs[i][:0], ls[i].Data...)
		redelivered += min(ls[i].Redelivered, 1) // an orphan that has just appeared
	}
	c.AckBatch(ls[:n])
	if err == ErrEmpty {
		err = nil // TryReceive finds out
	}
	return n, redelivered, err
}

// receiveBatchMany claims, with one compare-and-swap, the records of one slot that
// follow each other from head on, up to the end of the ring.
func (c *Consumer) receiveBatchMany(bufs [][]byte) (int, error) {
	r := c.r
	if c.mayInherit() {
		return 0, nil
	}
	h := atomics.Load64(r.head)
	most := min(uint64(len(bufs)), r.cap-h&r.mask, r.geo.MaxSlotsPerRecord())
	k := uint64(0)
	for k < most && r.load(h+k) == layout.FullWord(h+k, 1, r.shift) {
		k++
	}
	if k < 2 || !r.cas(h, layout.FullWord(h, 1, r.shift), layout.ReadingWord(h, k, c.seat, false, r.shift)) {
		return 0, nil
	}
	c.many.held++ // if a copy fails the take stays ours until Close
	atomics.CAS64(r.head, h, h+k)
	for i := range k {
		if !r.copyOut(&bufs[i], unsafe.Add(r.slots, ((h+i)&r.mask)*layout.SlotSize), h+i) {
			return 0, ErrDamaged
		}
	}
	// The first word stays until the others are free, and says from here on that
	// its record is done with, as freeTake wants.
	r.store(h, layout.ReadingWord(h, k, c.seat, true, r.shift))
	r.freeTake(h, k)
	c.many.held--
	return int(k), nil
}

// copyOut copies the record of one slot at p to *buf. It reports false for a length
// that no participant writes.
func (r *Ring) copyOut(buf *[]byte, line unsafe.Pointer, p uint64) bool {
	data, _, ok := r.lineOrAreas(line, p)
	if ok {
		*buf = append((*buf)[:0], data...)
	}
	return ok
}
