package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/blockcopy"
	"github.com/shmq/shmq/layout"
)

// receive is TryReceive. It takes a record of one slot: the compare-and-swap of take,
// the copy, and the store that frees. Any other record goes the long way.
func (c *sharedConsumer) receive(buf []byte) ([]byte, int, error) {
	r, h := c.r, c.next
	line := r.m.LineAt(h)
	w := layout.Word(atomics.Load64((*uint64)(line)))
	// Asked after the word was seen: orphans was raised before the first record of a
	// stream was sent, for consumers that have to stop there; see mayEnd.
	if !r.m.Plain || c.by.ends.limited || c.backlog() {
		return c.receiveLease(buf)
	}
	full := layout.FullWord(h, 1, r.m.Shift)
	if w != full {
		if r.unpublished(h, w) {
			return buf[:0], 0, c.caughtUp()
		}
		return c.receiveLease(buf)
	}
	if !atomics.CAS64((*uint64)(line), uint64(w), uint64(layout.ReadingWord(h, 1, c.seat, false, r.m.Shift))) {
		return c.receiveLease(buf)
	}
	c.held++ // if the copy fails the word stays ours until Close
	c.next = h + 1
	var meta uint32
	var ok bool
	if n := atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))); n <= min(layout.InlineSize, uint64(cap(buf))) {
		buf = buf[:n] // of which meta is 0
		readLine(buf, line)
	} else if meta, ok = r.copyOut(&buf, h); !ok {
		return buf[:0], 0, ErrDamaged
	}
	atomics.StoreReleaseAsking64((*uint64)(line), uint64(layout.FreeWord(h+r.m.Cap, r.m.Shift)), r.m.LineAt(h+ahead)) // freeOne
	c.held--
	if (h+1)&(r.stride-1) == 0 {
		raise(r.head, h+1)
	}
	return buf, int(meta >> layout.MetaDeliveriesShift), nil
}

func (c *sharedConsumer) receiveLease(buf []byte) ([]byte, int, error) {
	var l Lease
	if err := c.lease(&l); err != nil {
		return buf[:0], 0, err
	}
	buf = blockcopy.Append(buf[:0], l.Data)
	c.ack(&l)
	return buf, l.Redelivered, nil
}

// receiveBatch is TryReceiveBatch as far as it goes the short way; perhaps not at all. It
// claims, with one compare-and-swap, the records of one slot that follow each other from
// head on, up to the end of the ring.
func (c *sharedConsumer) receiveBatch(bufs [][]byte) (n, redelivered int, err error) {
	r := c.r
	if !r.m.Plain && !c.backlog() {
		return c.receiveLeases(bufs)
	}
	h := c.next
	most := min(uint64(len(bufs)), r.m.Geo.MaxSlotsPerRecord())
	k := r.m.Run(h, most, layout.FullWord(h, 1, r.m.Shift))
	if c.by.ends.limited || c.backlog() { // as in receive, after the words
		return 0, 0, nil
	}
	if k < 2 || !r.m.CAS(h, layout.FullWord(h, 1, r.m.Shift), layout.ReadingWord(h, k, c.seat, false, r.m.Shift)) {
		return 0, 0, nil
	}
	c.held++ // if a copy fails the take stays ours until Close
	c.took(h, k)
	for i := range k {
		line, buf := r.m.LineAt(h+i), bufs[i]
		if n := atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))); n <= min(layout.InlineSize, uint64(cap(buf))) {
			bufs[i] = buf[:n]
			readLine(buf[:n], line)
		} else if _, ok := r.copyOut(&bufs[i], h+i); !ok {
			return 0, 0, ErrDamaged
		}
	}
	// The first word stays until the others are free, and says from here on that
	// its record is done with, as freeTake wants.
	r.m.Store(h, layout.ReadingWord(h, k, c.seat, true, r.m.Shift))
	r.freeTake(h, k)
	c.held--
	return int(k), 0, nil
}

// receiveLeases leases a batch, copies it, and acknowledges it.
func (c *sharedConsumer) receiveLeases(bufs [][]byte) (n, redelivered int, err error) {
	bufs = bufs[:min(uint64(len(bufs)), c.r.m.Cap)]
	if len(c.leases) < len(bufs) {
		c.leases = make([]Lease, len(bufs))
	}
	if n, err = c.leaseBatch(c.leases[:len(bufs)]); n > 0 {
		redelivered = copyLeases(bufs, c.leases[:n])
		c.ackBatch(c.leases[:n])
	}
	if err == ErrEmpty {
		err = nil // TryReceive finds out
	}
	return n, redelivered, err
}
