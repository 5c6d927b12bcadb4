package ring

import (
	"sync/atomic"

	"github.com/shmq/shmq/layout"
)

// Consumer takes records from a ring. It is for one goroutine at a time.
//
// There are two kinds of consumers, by the queue's consumer role: a single one polls the
// slots and frees them by head; those that share the role claim what they take. The calls
// that move records ask once which kind this is, and call it by its type: through an
// interface every lease that a caller declares would be allocated. All others go through
// the interface.
type Consumer struct {
	// Owner belongs to the maker of the consumer; see Lease.Owner.
	Owner any

	r      *Ring
	seat   int
	ends   endings     // of streams
	void   atomic.Bool // see Void
	shares bool        // the role is shared: shared is in use, and single is not
	single singleConsumer
	shared sharedConsumer
	kind   consumerKind // the one in use

	lineage *Lineage // nil before the first question
}

// consumerKind is what the kinds of consumers have in common off the hot path.
type consumerKind interface {
	// close gives back all leases and voids them.
	close()
	// backlog reports whether older records may be waiting to be delivered again.
	backlog() bool
	// orphans reports whether that may be by another consumer.
	orphans() bool
}

// NewConsumer returns a consumer that owns seat.
//
// Preconditions: as NewProducer, with the consumer role.
func (r *Ring) NewConsumer(seat int) *Consumer {
	c := &Consumer{r: r, seat: seat, shares: r.m.Geo.ManyConsumers}
	if c.shares {
		c.shared.init(r, seat, c)
		c.kind = &c.shared
	} else {
		c.single.init(r, c)
		c.kind = &c.single
	}
	return c
}

// NewSubscriber returns a consumer that owns seat and the subscription of an entry.
//
// Preconditions: as NewConsumer. The caller holds the entry's lock, and has joined it or taken it over.
func (r *Ring) NewSubscriber(seat, entry int) *Consumer {
	c := &Consumer{r: r, seat: seat}
	c.single.initSubscribed(r, c, r.Subscription(entry))
	c.kind = &c.single
	return c
}

// TryReceiveBatch takes as many records as are ready, at most len(bufs), copies the
// i-th to bufs[i][:0], which grows if it has to, and acknowledges them. It returns
// their number, and how many of them were delivered before; ErrEmpty when there is
// none. A record that was delivered before ends a batch and comes alone; without
// checksums, so does one of several slots. Errors: as TryReceive.
//
// Consumers that share the role pay one claim for all; a single one moves head once.
func (c *Consumer) TryReceiveBatch(bufs [][]byte) (n, redelivered int, err error) {
	if len(bufs) == 0 {
		return 0, 0, nil
	}
	if c.shares {
		n, redelivered, err = c.shared.receiveBatch(bufs)
	} else {
		n, redelivered, err = c.single.receiveBatch(bufs)
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

// TryLease takes the next record into l. Errors: ErrEmpty, ErrDamaged.
func (c *Consumer) TryLease(l *Lease) error {
	if c.shares {
		return c.shared.lease(l)
	}
	return c.single.lease(l)
}

// TryLeaseBatch takes as many records as are ready, at most len(ls), and returns
// their number; ErrEmpty when it is none. Consumers that share the role pay one claim
// for all of them. The records are acknowledged one by one, in any order; where the
// role is shared their slots become free when the last of them is.
func (c *Consumer) TryLeaseBatch(ls []Lease) (int, error) {
	switch {
	case len(ls) == 0:
		return 0, nil
	case c.shares:
		return c.shared.leaseBatch(ls)
	}
	return c.single.leaseBatch(ls)
}

// Ack acknowledges a lease: its slots can be used again, once. Acknowledging
// twice, or after Release or Close, does nothing, through a copy of the lease too; Ack
// reports whether it did something.
func (c *Consumer) Ack(l *Lease) bool {
	if l.Data == nil {
		return false
	}
	l.Data = nil
	if c.shares {
		return c.shared.ack(l)
	}
	return c.single.settle(l, true)
}

// AckBatch acknowledges leases, as Ack does each; those of other consumers it leaves
// alone. Where they are all that is open of what was leased in one batch, their slots
// become free in one step. It returns how many records it acknowledged, and their bytes:
// those of which Ack would report true.
func (c *Consumer) AckBatch(ls []Lease) (n, bytes int) {
	switch {
	case len(ls) == 0:
		return 0, 0
	case c.shares:
		return c.shared.ackBatch(ls)
	}
	return c.single.ackBatch(ls)
}

// Release gives a lease back unacknowledged: the record is delivered again,
// flagged, to any consumer. A record that was leased in a batch by a consumer that
// shares the role becomes available when the last of its batch is settled.
func (c *Consumer) Release(l *Lease) {
	switch {
	case l.Data == nil:
	case c.shares:
		l.Data = nil
		c.shared.release(l)
	default:
		back := *l
		l.Data = nil
		c.single.settle(&back, false)
	}
}

// Close gives back all that the consumer still holds; its leases are void. In a
// queue with a single consumer head stays behind the oldest of them, and what was
// handed out after it comes again, acknowledged or not.
func (c *Consumer) Close() { c.kind.close() }

// Void makes the bytes of all leases of this consumer, and of their copies, unavailable: the
// memory is about to go away. It may be called while others ask for them.
func (c *Consumer) Void() { c.void.Store(true) }

// Holds reports whether the consumer has leases that are not settled. One whose side
// is single also holds what it released, until it is acknowledged.
func (c *Consumer) Holds() bool {
	if c.shares {
		return c.shared.holds()
	}
	return c.single.holds()
}

// Idle reports whether nothing is on its way: no record published or released,
// none being written. A consumer that found no producer attached, then the ring
// empty and idle, has seen the end of what was sent. A word of a later lap says
// only that head has moved on meanwhile.
func (c *Consumer) Idle() bool {
	w, lap := c.nextWord()
	return !c.kind.backlog() && awaitedAt(w, lap)
}

// Ready reports whether there may be work for another consumer.
func (c *Consumer) Ready() bool {
	w, lap := c.nextWord()
	return lap == 0 && w.State() != layout.Free && w.State() != layout.Claimed || c.Orphans()
}

// Orphans reports whether there may be records to deliver again, for this consumer
// or another, that it has not scanned for. In a queue with a single consumer there
// are none: what that one released it keeps to itself.
func (c *Consumer) Orphans() bool { return c.kind.orphans() }

// nextWord reads the word where the next record will be.
func (c *Consumer) nextWord() (w layout.Word, lap int64) {
	p := c.next()
	w = c.r.m.Load(p)
	return w, w.CompareLap(p, c.r.m.Shift)
}

// next returns the position where the next record will be.
func (c *Consumer) next() uint64 {
	if c.shares {
		return c.r.m.Untaken(c.shared.next)
	}
	return c.single.next
}
