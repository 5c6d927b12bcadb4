package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Consumer takes records from a ring. It is for one goroutine at a time.
type Consumer struct {
	// Owner is for who made the consumer; see Lease.Owner.
	Owner any

	r    *Ring
	seat int
	sums summer
	one  oneConsumer  // state of the single role
	many manyConsumer // state of the shared role

	leases []Lease // for receiveBatchLease, again and again

	incarnations *layout.Incarnations // nil before somebody asks
	latest       layout.Incarnation   // the latest of them
}

// Lease is a record in the hands of a consumer: its bytes stay where they are,
// in shared memory, and stay the consumer's until Ack or Release. If the holder
// dies first, the record is delivered again.
type Lease struct {
	// Data is the payload. It must not be used after Ack or Release. It lies
	// in memory that other processes can write: what must not change between
	// a check and its use has to be copied first.
	Data []byte
	// Redelivered is 0 when no one was handed this record before. Otherwise it
	// is at least 1: the number of earlier deliveries that were recorded.
	Redelivered int

	pos      uint64
	k        uint32
	releases uint32    // single consumer: how often it was released before
	seq      uint64    // its number among those this consumer handed out; see settle
	batch    *batch    // many consumers: what it was taken with; nil when alone
	by       *Consumer // who holds it
}

// Owner returns the Owner of the lease's consumer, nil for a lease that is none.
func (l *Lease) Owner() any {
	if l.by == nil {
		return nil
	}
	return l.by.Owner
}

// NewConsumer returns a consumer that owns seat.
//
// Preconditions: as NewProducer, with the consumer role.
func (r *Ring) NewConsumer(seat int) *Consumer {
	c := &Consumer{r: r, seat: seat}
	if r.geo.ManyConsumers {
		c.many.rescan = true
	} else {
		c.resume()
	}
	return c
}

// TryLease takes the next record into l. Errors: ErrEmpty, ErrDamaged.
func (c *Consumer) TryLease(l *Lease) error {
	if c.r.geo.ManyConsumers {
		return c.leaseMany(l)
	}
	return c.leaseOne(l)
}

// TryLeaseBatch takes as many records as are ready, at most len(ls), and returns
// their number; ErrEmpty when it is none. Consumers that are many pay one claim
// for all of them. The records are acknowledged one by one, in any order; with
// many consumers their slots become free when the last of them is.
func (c *Consumer) TryLeaseBatch(ls []Lease) (int, error) {
	if len(ls) == 0 {
		return 0, nil
	}
	if c.r.geo.ManyConsumers {
		return c.leaseBatchMany(ls)
	}
	return c.leaseBatchOne(ls)
}

// Ack acknowledges a lease: its slots can be used again, once. Acknowledging
// twice, or after Release or Close, does nothing, through a copy of the lease too.
func (c *Consumer) Ack(l *Lease) {
	if l.Data == nil {
		return
	}
	l.Data = nil
	if c.r.geo.ManyConsumers {
		c.ackMany(l)
		return
	}
	c.settleOne(l, true)
}

// AckBatch acknowledges leases, as Ack does each; those of other consumers it leaves
// alone. Where they are all that is open of what was leased in one batch, their slots
// become free in one step. It returns how many leases it found that had not been acked
// or released through these values, and their bytes.
func (c *Consumer) AckBatch(ls []Lease) (n, bytes int) {
	for i := range ls {
		if l := &ls[i]; l.Data != nil && l.by == c {
			n++
			bytes += len(l.Data)
		}
	}
	switch {
	case n == 0:
	case c.r.geo.ManyConsumers:
		c.ackBatchMany(ls)
	default:
		c.ackBatchOne(ls)
	}
	return n, bytes
}

// Release gives a lease back unacknowledged: the record is delivered again,
// flagged, to any consumer. A record that was leased in a batch by one of many
// consumers becomes available when the last of its batch is settled.
func (c *Consumer) Release(l *Lease) {
	if l.Data == nil {
		return
	}
	l.Data = nil
	if c.r.geo.ManyConsumers {
		c.releaseMany(l)
		return
	}
	c.settleOne(l, false)
}

// Close gives back all that the consumer still holds; its leases are void. In a
// queue with a single consumer head stays behind the oldest of them, and what was
// handed out after it comes again, acknowledged or not.
func (c *Consumer) Close() {
	if c.r.geo.ManyConsumers {
		c.closeMany()
		return
	}
	c.resume()
}

// Holds reports whether the consumer has leases that are not settled. One whose side
// is single also holds what it released, until it is acknowledged.
func (c *Consumer) Holds() bool {
	if c.r.geo.ManyConsumers {
		return c.many.held > 0
	}
	return len(c.one.open) > c.one.first
}

// Idle reports whether nothing is on its way: no record published or released,
// none being written. A consumer that found no producer attached, then the ring
// empty and idle, has seen the end of what was sent. A word of a later lap says
// only that head has moved on meanwhile.
func (c *Consumer) Idle() bool {
	w, lap := c.peek()
	return !c.backlog() && (lap < 0 || lap == 0 && w.State() == layout.Free)
}

// Ready reports whether there may be work for another consumer.
func (c *Consumer) Ready() bool {
	w, lap := c.peek()
	return lap == 0 && w.State() != layout.Free && w.State() != layout.Claimed || c.Orphans()
}

// peek looks at the word where the next record will be.
func (c *Consumer) peek() (w layout.Word, lap int64) {
	p := c.one.next
	if c.r.geo.ManyConsumers {
		p = atomics.Load64(c.r.head)
	}
	w = c.r.load(p)
	return w, w.CompareLap(p, c.r.shift)
}

// backlog reports whether older records may be waiting to be delivered again.
func (c *Consumer) backlog() bool {
	if c.r.geo.ManyConsumers {
		return c.mayInherit()
	}
	return len(c.one.returned) > 0
}
