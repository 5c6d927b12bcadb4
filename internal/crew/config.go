package crew

import (
	"context"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/intake"
)

// Record is a record in work.
type Record struct {
	// Data is a copy of the record. No other code changes it: it may become a dead letter.
	Data []byte
	// Number is 1 for the first record that the crew took, and so on.
	Number int64
	// Attempt is 1 when the crew tries the record for the first time. One that ends with a
	// Shortage does not count.
	Attempt int
	// Queue, Redelivered, ID and SentAt are those of the lease.
	Queue       string
	Redelivered int
	ID          shmq.ID
	SentAt      time.Time
	// Value is what Prepare made of it.
	Value any

	from  *consumer.Raw
	lease consumer.Lease
	err   error // of the last attempt
	out   bool  // a job has it, or waits for its turn with it
}

// Config says what a crew does.
type Config struct {
	From *intake.Intake
	// Jobs is how many handlers run at a time, at least 1.
	Jobs int
	// Batch is how many records a handler gets at a time at most, at least 1. It gets what
	// is ready.
	Batch int

	// Retries is how often a job is tried again when its handler fails, after First,
	// twice First and so on, at most Last, each with jitter.
	Retries     int
	First, Last time.Duration
	// Timeout is how long an attempt may take, 0 for no limit. The context of the handler
	// ends then; it is waited for all the same.
	Timeout time.Duration
	// Grace is how long handlers may go on after the crew's context has ended, before
	// theirs ends too; 0 for no limit.
	Grace time.Duration

	// Drop acknowledges what failed for good. Without it and without Dead such a record is
	// released, and the crew ends.
	Drop bool
	// Dead gets what failed for good; nil for nowhere.
	Dead *DeadQueue

	// Prepare looks at a record that was taken, and may set its Value. The key says which
	// records stay in order: with keyed, jobs of one key run one after the other. A key that
	// is empty has no order. With an error the record fails without being tried. Prepare
	// is called on the goroutine of Run; nil prepares nothing.
	Prepare func(r *Record) (key string, err error)
	Keyed   bool
	// Handle works on records, all of one key if keyed. They succeeded if it returns nil.
	// See Permanent, Shortage, Fatal and Partial for what else it may return. It may
	// panic.
	Handle func(ctx context.Context, rs []*Record) error
	// Observe is told what happens, by any goroutine. nil for no observer.
	Observe func(Event)

	// Left is how many records are still to be taken, negative for no limit.
	Left int64
	// Idle ends the crew, with ErrIdle, when no record came for so long; 0 for never.
	Idle time.Duration
	// Nonblock ends the crew, with shmq.ErrEmpty, when the queue is empty.
	Nonblock bool
}

// Event tells of records that did not succeed at once.
type Event struct {
	Kind     Kind
	Records  []*Record
	Attempts int
	Err      error         // why, of the first of them
	Delay    time.Duration // of a Retry: how long from now
}

// Kind is what happened.
type Kind int

// The kinds of event.
const (
	Retry      Kind = iota // they failed and will be tried again
	Short                  // they could not be tried for want of something; told once a job
	DeadLetter             // they failed, and are in the queue of dead letters
	Dropped                // they failed, and will be acknowledged
	Late                   // their handler goes on long after its time was over
)
