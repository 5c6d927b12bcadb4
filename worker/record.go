package worker

import (
	"time"

	"github.com/shmq/shmq"
)

// Record is a record in the hands of a handler, which may keep and change all of it.
type Record[T any] struct {
	// Value is the decoded record; of RunRaw, its bytes.
	Value T
	// Queue is the name of the queue.
	Queue string
	// ID names the record for good; it keeps that when it is delivered again. A handler that
	// notes what it has done by it does nothing twice.
	ID shmq.ID
	// SentAt is when the record was sent, zero in a queue without time stamps; see
	// shmq.Options.Timestamps.
	SentAt time.Time
	// Number is 1 for the first record that this worker took, and so on.
	Number int64
	// Attempt is 1 when this worker tries the record for the first time.
	Attempt int
	// Redelivered is 0 for a record that no consumer was handed before. Otherwise it is at least
	// 1: a consumer may have worked on it, and was killed, or gave it back.
	Redelivered int
}
