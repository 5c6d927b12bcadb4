package worker

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/crew"
)

var (
	// ErrTimeout is what an attempt failed with whose time was over, and the cause of its
	// context.
	ErrTimeout = crew.ErrTimeout
	// ErrGrace is the cause of a handler's context when Grace is over.
	ErrGrace = crew.ErrGrace
)

// Permanent returns err as an error of a handler after which the record is not tried
// again: it goes to the dead letters, or where else the options say.
func Permanent(err error) error { return &crew.Permanent{Err: err} }

// Shortage returns err as an error of a handler that says nothing about the record: a
// server that it needs is down, a limit is reached. The record is tried again until that
// has passed, with growing pauses, and these attempts don't count.
func Shortage(err error) error { return &crew.Shortage{Err: err} }

// Fatal returns err as an error of a handler that ends the worker: no other record would
// fare better. The record stays in the queue, and Run returns an error that wraps err. In a
// BatchError, or joined with one, it does the same: those of the batch that failed stay in the
// queue, for whatever reason.
func Fatal(err error) error { return &crew.Fatal{Err: err} }

// BatchError is an error of a handler of batches: which records failed, by their index,
// and why. The others succeeded, and are not handed to it again. Any other error means
// that all have failed. Of errors that are joined with a BatchError only Fatal counts.
type BatchError map[int]error

func (e BatchError) Error() string { return crew.Partial(e).Error() }

// PanicError is what a handler failed with that panicked: the Value, and the Stack as
// runtime/debug.Stack prints it.
type PanicError = crew.Panic

// FailedError says that a record failed for good and ended the worker. The record is still
// in the queue.
type FailedError struct {
	Queue    string
	Number   int64  // Record.Number
	Record   []byte // the record, of several that failed together the first
	Attempts int    // 0 for a record that can't be decoded
	Err      error  // the last error of the handler, or what the codec said
}

func (e *FailedError) Error() string {
	times := ""
	if e.Attempts > 1 {
		times = fmt.Sprintf(", %d times", e.Attempts)
	}
	return fmt.Sprintf("shmq: work on queue %q: record %d: %v%s; it is still in the queue; to go on without such records set DeadLetter or Drop", e.Queue, e.Number, e.Err, times)
}

// Unwrap returns the last error of the handler.
func (e *FailedError) Unwrap() error { return e.Err }

// explain makes an error of the engine one of this package.
func explain(queue string, err error) error {
	var (
		failed *crew.Failed
		fatal  *crew.Fatal
		named  *shmq.Error
	)
	switch {
	case errors.As(err, &failed):
		r := failed.Records[0]
		return &FailedError{Queue: queue, Number: r.Number, Record: r.Data, Attempts: failed.Attempts, Err: failed.Err}
	case errors.As(err, &fatal):
		return fmt.Errorf("shmq: work on queue %q: record %d: %w; it is still in the queue", queue, fatal.Record.Number, fatal.Err)
	case errors.As(err, &named), err == nil:
		return err
	}
	return &shmq.Error{Op: "work on", Queue: queue, Err: err}
}
