package ring

import "github.com/shmq/shmq/internal/atomics"

// BeginStream counts one more producer that attached.
//
// Preconditions: the caller holds the producer role's lock.
func (r *Ring) BeginStream() { atomics.Add64(r.epoch, 1) }

// FinishStream marks that no record follows, unless another producer attaches
// later.
func (r *Ring) FinishStream() { atomics.Store64(r.finished, atomics.Load64(r.epoch)) }

// Finished reports whether the stream was marked as finished by the latest producer.
func (r *Ring) Finished() bool {
	e := atomics.Load64(r.epoch)
	return e != 0 && atomics.Load64(r.finished) == e
}

// Stream tells whether a producer ever attached and whether the stream was marked
// as finished by the latest of them.
func (r *Ring) Stream() (begun, finished bool) {
	return atomics.Load64(r.epoch) != 0, r.Finished()
}
