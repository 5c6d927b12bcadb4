package consumer

import (
	"time"
	"unsafe"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// Lease is a record in the hands of a consumer. It has to be settled, by Ack or by
// Release, once; until then its slots can't be used again, and the ring fills up
// behind it. It belongs to the goroutine that uses the consumer, and ends with it.
type Lease struct {
	ring ring.Lease // and nothing else: see asRing
}

// asRing is the same leases as the ring knows them. A Lease is a ring.Lease and
// nothing else, so a batch need not be copied from one form to the other.
func asRing(ls []Lease) []ring.Lease {
	return unsafe.Slice((*ring.Lease)(unsafe.Pointer(unsafe.SliceData(ls))), len(ls))
}

// from returns the consumer that holds the lease, nil if none does.
func (l *Lease) from() *Raw {
	c, _ := l.ring.Owner().(*Raw)
	return c
}

// Bytes returns the record, in place: valid until the lease is settled, nil when the consumer
// is closed. The memory is shared with other processes: a program that does not trust them
// copies before it checks. Where the file may be cut, or the consumer be closed meanwhile, it
// reads in Raw.Guard: the bytes may turn into zeros.
func (l *Lease) Bytes() []byte { return l.ring.Bytes() }

// ID names the record for good: it is delivered again under the same ID, and no other record
// ever has it. It costs some 0.1 us; nothing if it is not asked for. It is known also after
// the lease was settled. It is zero for a Lease that is none, and once the consumer is closed.
func (l *Lease) ID() shmq.ID {
	c := l.from()
	if c == nil {
		return shmq.ID{}
	}
	var id shmq.ID
	c.end.Quietly(func() { // a fault is the error of the next call
		if c.ring != nil {
			id = c.end.RecordID(l.ring.Place())
		}
	})
	return id
}

// Queue returns the name of the queue, as it was given when the consumer was opened.
func (l *Lease) Queue() string {
	c := l.from()
	if c == nil {
		return ""
	}
	return c.Name()
}

// Attempt returns which delivery of the record this is, as far as that was recorded: 1 for
// the first, Redelivered() + 1 for others.
func (l *Lease) Attempt() int { return l.ring.Redelivered + 1 }

// SentAt returns when the record was sent, by its sender's clock; the zero time in a queue
// without time stamps (shmq.Options.Timestamps), and once the lease is settled or the consumer
// closed. Clocks are
// set, so it may lie in the future. Like Bytes it reads what stands in the queue.
func (l *Lease) SentAt() time.Time {
	ns := l.ring.SentAt()
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(ns)).UTC()
}

// Redelivered returns 0 for a record that nobody was handed before. Otherwise it is
// at least 1, the number of earlier deliveries that were recorded.
func (l *Lease) Redelivered() int { return l.ring.Redelivered }

// Ack acknowledges the record: it is done with, and its room can be used again. A
// second time it does nothing. It does nothing either once a fault has ended the use of
// the consumer, or Close.
func (l *Lease) Ack() {
	if c := l.from(); c != nil && l.ring.Data != nil {
		c.settleOne(l)
	}
}

// settleOne acknowledges l, and reports whether it could.
func (c *Raw) settleOne(l *Lease) bool {
	if begun := c.end.Enter(); begun != 0 {
		return c.settleIn(begun, l)
	}
	c.ack(l)
	if c.end.Hit() {
		c.end.Untold = c.end.Lost()
	}
	c.end.Leave()
	return true
}

// settleIn is the long way, of a call that is due.
//
//go:noinline
func (c *Raw) settleIn(begun attach.Begun, l *Lease) (done bool) {
	c.end.Settle(begun, func() {
		if c.ring != nil {
			c.ack(l)
			done = true
		}
	})
	return done
}

func (c *Raw) ack(l *Lease) {
	size := len(l.ring.Data)
	if c.ring.Ack(&l.ring) { // and not through a copy of the lease, before
		c.end.Counts.Records++
		c.end.Counts.Bytes += uint64(size)
	}
	c.settled()
	c.orphaned() // if it was the last of a batch of which others were released
	c.freed()
}

// Release gives the record back unacknowledged: it is delivered again, flagged, to
// this or another consumer. A record of a batch comes back when the whole batch is
// settled.
func (l *Lease) Release() {
	c := l.from()
	if c == nil || l.ring.Data == nil {
		return
	}
	c.end.Quietly(func() {
		if c.ring == nil {
			return
		}
		c.ring.Release(&l.ring)
		c.settled()
		c.orphaned()
		c.freed()
	})
}

// settle runs the body of a loop and acknowledges the record when it returns. If it
// doesn't, because of a panic, the record is released: the program may survive.
func (l *Lease) settle(body func() bool) (more bool) {
	returned := false
	defer func() {
		if returned {
			l.Ack()
		} else {
			l.Release()
		}
	}()
	more = body()
	returned = true
	return more
}

// AckBatch acknowledges leases of this consumer, as Ack does each; those of others it
// leaves alone. It is cheaper, most of all if ls is what LeaseBatch returned: then all their
// slots become free in one step.
func (c *Raw) AckBatch(ls []Lease) {
	c.end.Quietly(func() {
		if c.ring == nil {
			return
		}
		n, bytes := c.ring.AckBatch(asRing(ls))
		c.end.Counts.Records += uint64(n)
		c.end.Counts.Bytes += uint64(bytes)
		c.settled()
		c.orphaned()
		c.freed()
	})
}

// settled notes it when the last lease was settled.
func (c *Raw) settled() {
	if !c.ring.Holds() {
		c.end.Counts.HeldSince = 0
	}
}
