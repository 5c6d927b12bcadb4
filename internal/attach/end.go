package attach

import (
	"errors"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// End is what Raw of package producer and Raw of package consumer share: a participant in
// the hands of one goroutine, its way to sleep, and what its calls do around the ring. Its
// fields are for the Raw to read.
type End struct {
	*Participant
	Counts  *ring.Counters // of the seat
	Data    *uint32        // where consumers sleep
	Room    *uint32        // where producers sleep
	Fence   bool           // see MustFence
	Guarded bool           // faults become panics, and calls have to catch them
	Closed  bool
	Untold  error // a fault in a call that returns no error

	Spinner park.Spinner
	Sleeper *park.Sleeper

	op   string
	drop func()
	idle func()
}

// NewEnd returns the End of a participant. op names its work in errors, word is where it
// sleeps. drop makes the Raw forget the ring, after which it calls nothing of it: a fault
// may have left it in the middle of anything. idle gives back what the Raw holds and has not
// sent when the participant can't go on; nil for nothing.
func NewEnd(a *Participant, op string, word *uint32, drop, idle func()) End {
	return End{
		Participant: a, Counts: a.Counters(), Data: a.ring.DataFutex(), Room: a.ring.RoomFutex(), Fence: a.fence, Guarded: a.guarded,
		Spinner: park.NewSpinner(a.wait), Sleeper: park.NewSleeper(word), op: op, drop: drop, idle: idle,
	}
}

// Guard runs f, and makes a fault there an error, after which the End can only be closed.
func (e *End) Guard(f func() error) (err error) {
	if !e.Guarded {
		if err = f(); e.Hit() {
			err = e.Lost()
		}
		return err
	}
	return e.InPanics(f)
}

// InPanics is Guard where faults become panics. Calls within f need no guard.
func (e *End) InPanics(f func() error) error {
	e.Guarded = false
	defer func() { e.Guarded = true }()
	return e.q.TouchOr(f, e.lostBy)
}

// lostBy ends the use of the End after a fault that became a panic.
func (e *End) lostBy(err error) error {
	err = e.lose(err)
	e.drop()
	return e.Fail(err)
}

// Lost ends the use of the End after a fault that was handled.
func (e *End) Lost() error {
	e.drop()
	return e.Fail(e.whyLost())
}

// Do runs f, which uses the ring, unless the participant can't go on.
func (e *End) Do(f func() error) error {
	if e.Due() {
		if err := e.Attend(); err != nil {
			return err
		}
	}
	return e.Guard(f)
}

// Quietly is Do for calls without an error. They are allowed as long as there is a ring:
// what was taken from a queue that was removed can be settled.
func (e *End) Quietly(f func()) {
	if err := e.Guard(func() error { f(); return nil }); err != nil {
		e.Untold = err
	}
}

// Attend is what a call does first when it is due; see Participant.Attend.
func (e *End) Attend() error {
	err := e.Participant.Attend()
	if err == nil {
		return nil
	}
	e.Untold = nil
	if e.idle != nil {
		e.idle()
	}
	return e.Fail(err)
}

// Fail names the queue and the operation in an error, and logs damage.
func (e *End) Fail(err error) error {
	e.LogDamage(err)
	var named *fail.Error
	if errors.As(err, &named) {
		return err
	}
	return &fail.Error{Op: e.op, Queue: e.q.Name, Err: e.Remedy(err)}
}

// Sync is Participant.Sync.
func (e *End) Sync() error {
	if e.Closed {
		return e.Fail(fail.ErrClosed)
	}
	return e.Participant.Sync()
}

// StartSync is Participant.StartSync.
func (e *End) StartSync() error {
	if e.Closed {
		return e.Fail(fail.ErrClosed)
	}
	return e.Participant.StartSync()
}

// Close leaves the queue, after giveBack, which gives back what the ring knows as held, nil
// if the ring is forgotten, and last, nil for nothing. A second time it does nothing.
func (e *End) Close(giveBack func(), last func() error) error {
	if e.Closed {
		return nil
	}
	e.Closed = true
	if giveBack != nil {
		e.Quietly(giveBack)
	}
	e.drop()
	if last != nil {
		e.Untold = errors.Join(e.Untold, last())
	}
	return errors.Join(e.Untold, e.Detach())
}
