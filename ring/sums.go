package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A participant counts in its seat, by plain stores to a line of its own, and the next
// holder of the seat clears that line. So that holder first adds the counters to sums that
// stand beside them and are never cleared. The sums of the queue are those of all its seats.
// There is no hot word for them: a participant that adds to one when it leaves, and dies
// before it has noted that, would be added twice, or not at all. Here the store of one word,
// SeatFolds, makes the new sums count and the counters not, at once; see layout.SeatFolds.
//
// A participant counts after it has published, or freed, a record. One that is killed in
// between has not counted its last call, and leaves no trace by which another could: that is
// the price of a count without a fence and without a shared line. So after n kills the sums
// may be off by as many records as n calls moved, and by no more.

// Sums are what the participants of a queue have counted, all that ever were.
type Sums struct {
	Sent          uint64 // records
	SentBytes     uint64 // their payload
	Received      uint64 // records acknowledged
	ReceivedBytes uint64
	Redelivered   uint64 // records received that were delivered before
}

func (s Sums) plus(o Sums) Sums {
	return Sums{
		s.Sent + o.Sent, s.SentBytes + o.SentBytes,
		s.Received + o.Received, s.ReceivedBytes + o.ReceivedBytes,
		s.Redelivered + o.Redelivered,
	}
}

// sums returns what the counters of a seat amount to, by the role of their holder.
func (c Counters) sums(role uint32) Sums {
	switch role {
	case layout.RoleProducer:
		return Sums{Sent: c.Records, SentBytes: c.Bytes}
	case layout.RoleConsumer:
		return Sums{Received: c.Records, ReceivedBytes: c.Bytes, Redelivered: c.Redelivered}
	}
	return Sums{} // a seat that was never taken, or scribble
}

// bank is where the sums stand that count while SeatFolds is folds.
func (s Seat) bank(folds uint64) *Sums {
	return (*Sums)(unsafe.Add(s.base, layout.SeatBanks+(folds+1)/2%2*layout.BankSize))
}

func (b *Sums) load() Sums {
	return Sums{
		atomic.LoadUint64(&b.Sent), atomic.LoadUint64(&b.SentBytes),
		atomic.LoadUint64(&b.Received), atomic.LoadUint64(&b.ReceivedBytes),
		atomic.LoadUint64(&b.Redelivered),
	}
}

func (b *Sums) store(v Sums) {
	atomics.Store64(&b.Sent, v.Sent)
	atomics.Store64(&b.SentBytes, v.SentBytes)
	atomics.Store64(&b.Received, v.Received)
	atomics.Store64(&b.ReceivedBytes, v.ReceivedBytes)
	atomics.Store64(&b.Redelivered, v.Redelivered)
}

// fold adds the counters to the sums, and returns the value of SeatFolds that says so, an
// odd one. The caller clears the counters and stores one more.
//
// Preconditions: as Take.
func (s Seat) fold() uint64 {
	word := s.u64(layout.SeatFolds)
	folds := atomics.Load64(word)
	if folds%2 != 0 {
		return folds // an earlier holder died when it had folded
	}
	role := atomic.LoadUint32(s.u32(layout.SeatRole))
	s.bank(folds + 1).store(s.bank(folds).load().plus(s.Report().sums(role)))
	atomics.Store64(word, folds+1)
	atomics.Fence() // a reader of a cleared counter reads the new folds, too
	return folds + 1
}

// maxLooks bounds how often the sums of a seat are read that is being taken.
const maxLooks = 8

// Sums returns the sums of the seat, those of its holder in them.
func (s Seat) Sums() (sum Sums) {
	word := s.u64(layout.SeatFolds)
	for range maxLooks { // it may be taken meanwhile
		folds := atomics.Load64(word)
		sum = s.bank(folds).load()
		if folds%2 == 0 {
			sum = sum.plus(s.Report().sums(atomic.LoadUint32(s.u32(layout.SeatRole))))
		}
		if atomics.Reload64(word) == folds {
			break
		}
	}
	return sum
}

// Sums returns the sums of all seats.
func (r *Ring) Sums() (sum Sums) {
	for i := range r.m.Geo.Seats {
		sum = sum.plus(r.Seat(i).Sums())
	}
	return sum
}
