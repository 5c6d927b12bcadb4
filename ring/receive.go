package ring

import (
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
	if c.plain() {
		return c.receivePlain(buf)
	}
	var l Lease
	if err := c.TryLease(&l); err != nil {
		return buf[:0], 0, err
	}
	buf = append(buf[:0], l.Data...)
	c.Ack(&l)
	return buf, l.Redelivered, nil
}

// plain reports whether a single consumer's next record is one of a single slot that
// follows an acknowledged one and that nobody was handed before.
func (c *Consumer) plain() bool {
	o, r := &c.one, c.r
	return !r.geo.ManyConsumers && o.head == o.next && len(o.returned) == 0 && int64(o.seen-o.next) <= 0 &&
		r.load(o.next) == layout.FullWord(o.next, 1, r.shift)
}

// receivePlain needs no handout: nothing is handed out before head has passed it.
func (c *Consumer) receivePlain(buf []byte) ([]byte, int, error) {
	o, r := &c.one, c.r
	data, _, err := r.payload(o.next, 1)
	if err != nil {
		return buf[:0], 0, err
	}
	buf = append(buf[:0], data...)
	o.next++
	o.head = o.next
	atomics.StoreRelease64(r.head, o.head)
	return buf, 0, nil
}
