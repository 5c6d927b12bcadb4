package attach

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/park"
)

// A handle is for one goroutine at a time, but Close may come from any goroutine, also while
// a call is under way, and may not take the mapping from under that call. So each call that
// touches the mapping, or what the handle keeps of the ring, marks the handle as in use:
//
//	a call                                  Close
//	1 inUse was set: two goroutines, panic  1 store left, then due
//	2 inUse = 1 (Mark32)                    2 barrier, on behalf of the calls
//	3 load due; set: ask Attend             3 load inUse until it is 0
//	4 use the ring                          4 give back, leave, end the mapping
//	5 inUse = 0 (Mark32)
//
// Either the call sees due, and Attend tells it that the handle is closed, or Close sees
// inUse: each side loads after it has stored, and the barrier makes the first column keep
// that order without a fence of its own. Close waits for a call, never the other way
// round, and a call that waits looks at left after it has announced that it sleeps and before
// it sleeps, so that it ends when Close wakes it. What the program does between two
// calls, in the body of a loop or in Guard, is no call: Close does not wait for it, so it may
// come from there, and the program's code may keep the memory of leases; see Close.
//
// Step 1 finds two goroutines that use a handle at once, most of the time. It is a load of a
// line that the call stores to anyway.

// NoWait is the context of a call that does not wait: none.
var NoWait context.Context

// Begun says how a call began: smoothly if it is 0. Its lowest bit is Participant.due.
type Begun uint32

// overlapped: another call is under way.
const overlapped Begun = 2

// Enter begins a call. Unless it returns 0 the rest of the call goes through Go. Leave ends the
// call. Both are inlined. Of two calls that overlap the second marks what is marked; if it does
// so just when the first one leaves, the mark stays, and tells all that follow the same.
func (e *End) Enter() Begun {
	e.touch()
	was := atomic.LoadUint32(&e.inUse)
	atomics.Mark32(&e.inUse, 1)
	return Begun(was*uint32(overlapped) | e.Participant.due.Load())
}

// Leave ends a call.
func (e *End) Leave() { atomics.Mark32(&e.inUse, 0) }

// Hit is Participant.Hit.
func (e *End) Hit() bool { return atomic.LoadUint32(e.hit) != 0 }

// Called reports whether there is more to do in a call that has done its work: somebody may be
// asleep on word, or a fault was handled.
func (e *End) Called(word *uint32) bool {
	return park.ArmedBit(word)|atomic.LoadUint32(e.hit) != 0
}

// Leaving is Leave, and returns err.
func (e *End) Leaving(err error) error {
	e.Leave()
	return err
}

// LeaveUnless ends a call that does not return, because of a panic in code of the
// program that the call runs: a context, a log handler.
func (e *End) LeaveUnless(returned *bool) {
	if !*returned {
		e.Leave()
	}
}

func (e *End) overlap() {
	panic(fmt.Sprintf("shmq: %v of queue %q is used by two goroutines at once, or from within one of its own calls; give each goroutine its own, or share one by %v.OpenShared", e.role, e.q.Name, e.role))
}

// Left reports whether the handle is closed, or being closed.
func (e *End) Left() bool { return e.left.Load() }

// Closed returns the error of a call on a handle that is closed, or being closed, nil for any other.
func (e *End) Closed() error {
	if e.left.Load() {
		return e.Fail(fail.ErrClosed)
	}
	return nil
}

// Do runs f, which uses the ring, as a call, unless the participant can't go on. A fault in
// it is an error.
func (e *End) Do(f func() error) error { return e.Go(e.Enter(), f) }

// Go is Do for a call that has begun.
func (e *End) Go(begun Begun, f func() error) error {
	if begun != 0 {
		if err := e.Attend(begun); err != nil {
			return err
		}
	}
	defer e.Leave()
	return e.guarded(f)
}

// Quietly is Do for calls without an error, which settle what the handle holds. They are
// allowed as long as there is a ring: what was taken from a queue that was removed can be
// settled.
func (e *End) Quietly(f func()) { e.Settle(e.Enter(), f) }

// Settle is Quietly for a call that has begun. One that does not see Close, which stores left
// before due, does its work, and Close waits for it: the call after it may not see Close either,
// and what a single consumer settles behind a lease that was left open comes again.
func (e *End) Settle(begun Begun, f func()) {
	if begun >= overlapped {
		e.overlap()
	}
	defer e.Leave()
	if begun != 0 && e.left.Load() {
		return
	}
	if begun != 0 && e.ask.Load() {
		if err := e.checkAfterPause(); err != nil {
			e.Untold = e.Fail(err)
		}
	}
	if e.lost.Load() != nil {
		return
	}
	if err := e.guarded(func() error { f(); return nil }); err != nil {
		e.Untold = err
	}
}

// Ended returns the error of a call whose context had ended before it began.
func (e *End) Ended(err error) error {
	return e.Do(func() error { return e.Fail(err) })
}

// guarded runs f within a call, and makes a fault there an error, after which the End can
// only be closed.
func (e *End) guarded(f func() error) (err error) {
	if !e.Guarded {
		if err = f(); e.Hit() {
			err = e.Lost()
		}
		return err
	}
	e.Guarded = false
	defer func() { e.Guarded = true }()
	return e.q.TouchOr(f, e.lostBy)
}

// lostBy ends the use of the End after a fault that became a panic, within a call.
func (e *End) lostBy(err error) error {
	err = e.lose(err)
	e.Drop()
	return e.Fail(err)
}

// Lost ends the use of the End after a fault that was handled, within a call.
func (e *End) Lost() error { return e.lostBy(e.q.WhyFaulted()) }

// Guard runs f, which is the program's and no call, and makes a fault there an error, after
// which the End can only be closed. Where that is so already it returns the error without f. It
// returns ErrClosed if the End is closed, without f, or was closed meanwhile.
func (e *End) Guard(f func() error) (err error) {
	if err := e.Closed(); err != nil {
		return err
	}
	if lost := e.lost.Load(); lost != nil {
		return e.Fail(*lost)
	}
	if e.Guarded {
		e.Guarded = false // calls in f need no guard
		err = func() error {
			defer func() { e.Guarded = true }()
			return e.q.TouchOr(f, e.lostOutside)
		}()
	} else if err = f(); !e.left.Load() && e.Hit() {
		err = e.lostOutside(e.q.WhyFaulted())
	}
	if closed := e.Closed(); closed != nil {
		return closed
	}
	return err
}

// lostOutside is lostBy outside of a call. One that was under way ended with the fault.
func (e *End) lostOutside(err error) error {
	e.Leave()
	if e.Enter() >= overlapped {
		e.overlap()
	}
	defer e.Leave()
	if e.left.Load() {
		return fail.ErrClosed
	}
	return e.lostBy(err)
}

// Attend is what a call does first that is due; see Participant.Attend. With an error the
// call has ended. It panics if another one is under way.
func (e *End) Attend(begun Begun) error {
	if begun >= overlapped {
		e.overlap()
	}
	returned := false
	defer e.LeaveUnless(&returned)
	err := e.Participant.Attend()
	if err != nil && !e.left.Load() {
		e.Untold = nil
		if e.lost.Load() != nil { // the bytes may be those of another queue by now
			e.Drop()
		}
	}
	if err != nil {
		err = e.Leaving(e.Fail(err))
	}
	returned = true
	return err
}

// Missed is Participant.Missed, in a call. A poll that finds nothing comes here, and mostly
// nothing is due.
func (e *End) Missed() error {
	if !e.Due() {
		return nil
	}
	return e.attendMissed()
}

func (e *End) attendMissed() (err error) {
	returned := false
	defer e.LeaveUnless(&returned)
	err = e.Participant.Missed()
	returned = true
	return err
}

// Recover is Participant.Recover, in a call.
func (e *End) Recover() {
	returned := false
	defer e.LeaveUnless(&returned)
	e.Participant.Recover()
	returned = true
}

// Fail names the queue and the operation in an error, and logs damage.
func (e *End) Fail(err error) error {
	if e.log != nil && errors.Is(err, fail.ErrDamaged) {
		returned := false
		defer e.LeaveUnless(&returned)
		e.LogDamage(err)
		returned = true
	}
	var named *fail.Error
	if errors.As(err, &named) {
		return err
	}
	return &fail.Error{Op: e.op, Queue: e.q.Name, Err: e.Remedy(err)}
}
