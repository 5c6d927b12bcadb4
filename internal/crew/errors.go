package crew

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/shmq/shmq/worker/deadletter"
)

var (
	// ErrIdle: no record came for as long as the crew was to wait.
	ErrIdle = errors.New("no record came")
	// ErrTimeout is the cause of a handler's context whose time is over.
	ErrTimeout = errors.New("timed out")
	// ErrGrace is the cause of a handler's context when the crew has to end.
	ErrGrace = errors.New("the worker has to end")
	// ErrGoexit: a handler ended its goroutine.
	ErrGoexit = errors.New("the handler called runtime.Goexit")
)

// Permanent is an error of a handler that trying again would not help.
type Permanent struct{ Err error }

func (e *Permanent) Error() string { return e.Err.Error() }
func (e *Permanent) Unwrap() error { return e.Err }

// Shortage is an error of a handler that says nothing about the record: it is tried again
// until that has passed, and the attempt does not count.
type Shortage struct{ Err error }

func (e *Shortage) Error() string { return e.Err.Error() }
func (e *Shortage) Unwrap() error { return e.Err }

// Fatal is an error of a handler after which no record would fare better: the crew ends,
// the record stays in the queue.
type Fatal struct {
	Record *Record
	Err    error
}

func (e *Fatal) Error() string { return e.Err.Error() }
func (e *Fatal) Unwrap() error { return e.Err }

// Partial is an error of a handler that worked on a batch: the records that failed, by
// their index, with the reason. The others succeeded. A Fatal may be the reason of one, or be
// joined with it.
type Partial map[int]error

func (e Partial) Error() string { return fmt.Sprintf("%d records of the batch failed", len(e)) }

// fatal returns the first Fatal that is the reason of a record, nil if none is.
func (e Partial) fatal() (first *Fatal) {
	for _, i := range slices.Sorted(maps.Keys(e)) {
		if errors.As(e[i], &first) {
			return first
		}
	}
	return nil
}

// Failed says that records failed for good, and are still in the queue.
type Failed struct {
	Records  []*Record
	Attempts int
	Err      error
}

func (e *Failed) Error() string { return e.Err.Error() }
func (e *Failed) Unwrap() error { return e.Err }

// Describer is an error that adds to the dead letter of its record.
type Describer interface {
	error
	Describe(l *deadletter.Letter)
}

// Panic is what a handler panicked with.
type Panic struct {
	Value any
	Stack string
}

func (e *Panic) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *Panic) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Describe adds the stack to a dead letter.
func (e *Panic) Describe(l *deadletter.Letter) { l.Stack = e.Stack }

// sound returns err, or, if err panics where it is asked for its text or for what it wraps, a
// Panic that says so. A nil pointer that is returned as an error is the usual one that does.
// From here on nothing would catch it.
func sound(err error) (is error) {
	if err == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			is = &Panic{fmt.Sprintf("in an error of type %T: %v", err, p), string(debug.Stack())}
		}
	}()
	_ = err.Error()
	var each Partial
	var fatal *Fatal
	whole := errors.As(err, &fatal)
	if !errors.As(err, &each) { // As goes through all that it wraps
		return err
	}
	checked := make(Partial, len(each))
	for i, e := range each {
		checked[i] = sound(e)
	}
	if whole {
		return errors.Join(fatal, checked)
	}
	return checked
}
