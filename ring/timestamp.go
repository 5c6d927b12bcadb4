package ring

import "time"

// In a queue with time stamps each record says when it was sent. The clock is
// CLOCK_REALTIME, the one that means the same on every machine, in every container and
// after a reboot; it may be set, so the times of two records need not be in the order of
// their positions, and may lie in the future. A producer reads it after the claim, so that
// a wait for room is no part of a record's age, and writes it before the word that publishes
// the record. A batch has one time.

func unixNano() uint64 { return uint64(time.Now().UnixNano()) }

// SentAt returns when the record was sent, in nanoseconds of Unix time; 0 if the queue has
// no time stamps, the lease was settled, or the consumer was made Void. It reads what stands in
// the queue.
func (l *Lease) SentAt() uint64 {
	if l.by == nil || l.Data == nil || l.by.void.Load() {
		return 0
	}
	if l.by.single.skip.on {
		return l.sentAt
	}
	return l.by.r.m.SentAt(l.pos)
}

// sendBatchStamped is sendBatch with one time for all records.
func (p *Producer) sendBatchStamped(recs [][]byte) (int, error) {
	p.stamp = p.r.now()
	n, err := p.sendBatch(recs)
	p.stamp = 0
	return n, err
}
