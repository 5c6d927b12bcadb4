package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// A stream is the records that are sent while at least one producer is attached. It begins
// with the first producer and ends with the last. Ends are numbered, and noted in a log with the
// position that the stream reached and how it ended:
//
//	            end 7           end 8       tail
//	──────────────┼───────────────┼───────────┼──── positions
//	 stream 7     │ stream 8      │ stream 9
//
// Producers attach and leave under layout.LockStream, one at a time, and ends are noted
// under it while no producer is attached; so only consumers move meanwhile, and the claims
// of dead producers are swept. The next participant notes an end that was not noted: a
// producer that attaches, a consumer that attaches or finds nothing. Killed anywhere, it
// leaves the end to the next one: the store to ends is the last one and is the end.
//
// Whether a producer has died is told by two counts, of those that began and those that
// left in order: between two ends they grow by the same number, or one has died.
//
//	producer       [lock: take the role; alone? note the end, warn] check all, BEGIN, send
//	               FINISH (or not), [lock: LEAVE, drop the role; alone? note the end]
//	killed         before BEGIN: it never was; up to LEAVE: its stream is cut; after: all sent
//
// ends.go has the other side: which consumer is told which end.

// end returns the entry of end n in the log.
func (r *Ring) end(n, field uint64) *uint64 {
	return (*uint64)(unsafe.Add(r.endLog, n%layout.EndLogSize*layout.EndSize+field))
}

// BeginStream counts one more producer that sends from here on. Nothing may refuse it
// any more: consumers that ask for an end wait for this one's.
//
// Preconditions: the caller holds the producer role's lock.
func (r *Ring) BeginStream() { atomics.Add64(r.epoch, 1) }

// FinishStream marks that no record follows, unless another producer begins before
// the last one has left.
func (r *Ring) FinishStream() { atomics.Store64(r.finished, atomics.Load64(r.epoch)) }

// LeaveStream counts a producer that has sent all that it meant to send. One that has
// begun and never does this has cut its stream, whether it died or gave up.
//
// Preconditions: as BeginStream, which the caller has called.
func (r *Ring) LeaveStream() { atomics.Add64(r.left, 1) }

// WarnOfStream has all consumers look at the log of ends before they take another
// record. Those of the many look each time that orphans may have appeared, so this
// costs their short way nothing; a single one looks at ends itself.
//
// Preconditions: the caller holds layout.LockStream and the producer role's lock, and no
// other producer is attached; the end of the stream before is noted.
func (r *Ring) WarnOfStream() { atomics.Add64(r.orphans, 1) }

// StreamOpen reports whether a stream has begun whose end is not noted.
func (r *Ring) StreamOpen() bool {
	epoch := atomics.Load64(r.epoch)
	return epoch != atomics.Load64(r.end(atomics.Load64(r.ends), layout.EndEpoch))
}

// Ends returns the number of the last end.
func (r *Ring) Ends() uint64 { return atomics.Load64(r.ends) }

// NoteEnd notes the end of the stream that is open, if one is. attended says whether a
// living consumer has a claim to it; see Seat.Awaits. (Not whether one is attached: that one
// may not have asked yet how many ends there were.) It reports whether it noted one.
//
// Preconditions: the caller holds layout.LockStream, and no producer is attached.
func (r *Ring) NoteEnd(attended bool) bool {
	was, epoch, left := atomics.Load64(r.ends), atomics.Load64(r.epoch), atomics.Load64(r.left)
	began := epoch - atomics.Load64(r.end(was, layout.EndEpoch))
	if began == 0 {
		return false
	}
	how := uint64(layout.EndLeft)
	switch {
	case left-atomics.Load64(r.end(was, layout.EndLeftCount)) != began:
		how = layout.EndCut
	case atomics.Load64(r.finished) == epoch:
		how = layout.EndFinished
	}
	n := was + 1
	atomics.Store64(r.end(n, layout.EndMark), r.lastTail()<<endHowBits|how)
	atomics.Store64(r.end(n, layout.EndEpoch), epoch)
	atomics.Store64(r.end(n, layout.EndLeftCount), left)
	if attended {
		raise(r.met, n)
	}
	atomics.Store64(r.ends, n)
	return true
}

const endHowBits = 4

// lastTail returns the position of the next claim. The shared tail may be a claim behind,
// and the claim be of a dead producer, taken back already or not; consumers go on.
func (r *Ring) lastTail() uint64 {
	if r.m.Geo.ManyProducers && r.m.Geo.ManyConsumers {
		return r.nextClaim() // tail may be laps behind, if several have died
	}
	t, _, err := r.walk()
	if err != nil { // then the end comes early, or late
		return atomics.Load64(r.tail)
	}
	return t
}

// raise stores n to a word unless it has more already.
func raise(word *uint64, n uint64) {
	for range maxTries {
		was := atomics.Load64(word)
		if int64(n-was) <= 0 || atomics.CAS64(word, was, n) {
			return
		}
	}
}

// Finished reports whether the latest producer that began marked the end.
func (r *Ring) Finished() bool {
	e := atomics.Load64(r.epoch)
	return e != 0 && atomics.Load64(r.finished) == e
}

// Stream tells whether a stream has ever begun, and whether the latest producer that
// began marked the end.
func (r *Ring) Stream() (begun, finished bool) {
	return atomics.Load64(r.epoch) != 0, r.Finished()
}
