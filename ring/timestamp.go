package ring

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/shmq/shmq/layout"
)

// In a queue with time stamps each record says when it was sent. The clock is
// CLOCK_REALTIME, the one that means the same on every machine, in every container and
// after a reboot; it may be set, so the times of two records need not be in the order of
// their positions, and may lie in the future. Who sends reads it after the claim, so that
// what a record waited for room is no part of its age, and writes it before the word that
// publishes the record. A batch has one time.

func unixNano() uint64 { return uint64(time.Now().UnixNano()) }

// timeAt is where the record at p says when it was sent.
//
// Preconditions: the queue has time stamps; elsewhere payload may stand there.
func (r *Ring) timeAt(p uint64) *uint64 {
	return (*uint64)(unsafe.Add(r.slots, (p&r.mask)*layout.SlotSize+layout.SlotTime))
}

// sentAt returns when the record at p was sent, or 0 in a queue without time stamps.
func (r *Ring) sentAt(p uint64) uint64 {
	if !r.geo.Timestamps {
		return 0
	}
	return atomic.LoadUint64(r.timeAt(p))
}

// SentAt returns when the record was sent, in nanoseconds of Unix time; 0 if the queue has
// no time stamps, or the lease was settled. It reads what stands in the queue.
func (l *Lease) SentAt() uint64 {
	if l.by == nil || l.Data == nil {
		return 0
	}
	return l.by.r.sentAt(l.pos)
}

// batchStamped is batch with one time for all records.
func (p *Producer) batchStamped(recs [][]byte) (int, error) {
	p.stamp = p.r.now()
	n, err := p.batch(recs)
	p.stamp = 0
	return n, err
}
