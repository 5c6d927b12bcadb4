package attach

import (
	"cmp"
	"errors"
	"sync/atomic"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/sys"
)

// Faults in the mapping of a participant are handled, on amd64 and arm64: internal/sys
// gives the mapping private zero pages when it faults, and sets a word. The call goes on,
// in a ring of zeros that is nobody's, loads the word when it has done its work, and fails.
// That costs one load a call. Zeros are no danger: a ring may hold anything. Elsewhere the
// calls turn faults into panics, and those into errors: see mapped.Queue.Touch.

// guard has faults in the mapping handled, or the calls guarded where that can't be.
func (a *Participant) guard() {
	if word := sys.GuardFaults(a.q.Mem); word != nil {
		a.handled, a.hit = true, word
	} else {
		a.guarded = true
		a.GoLong()
	}
}

// cut returns ErrTruncated if the file was cut.
func (a *Participant) cut() error {
	if !a.shrinkable {
		return nil
	}
	return a.q.Cut()
}

// Guarded reports whether the calls of this participant have to be guarded against
// faults: the file can be cut, Options.NoGuard was not given, and there is no handler for
// this machine.
func (a *Participant) Guarded() bool { return a.guarded }

// Hit reports whether a fault was handled, so that what was read since may be zeros, and
// what was written is lost: a plain load.
func (a *Participant) Hit() bool { return atomic.LoadUint32(a.hit) != 0 }

// Guard runs f, which may access the queue's memory: leases and reservations, which
// are used outside of the calls that guard themselves, or the Ring. A fault there makes
// it return ErrTruncated if the file was cut, else ErrNoSpace, and ends the use of the
// participant: what f was doing is left half done. Otherwise it returns what f does.
// A system call that is given such memory does not fault, but fails with EFAULT.
// Faults in other memory, and other panics, go through.
func (a *Participant) Guard(f func() error) error {
	if !a.handled {
		return a.q.TouchOr(f, a.lose)
	}
	err := f()
	if a.Hit() {
		err = a.whyLost()
	}
	return err
}

// unlessLost runs f, which may find the page missing, unless the participant can't go on: the bytes may be those of
// another queue by now.
func (a *Participant) unlessLost(f func() error) error {
	if lost := a.lost.Load(); lost != nil {
		return *lost
	}
	return a.q.Touch(f)
}

// Faulted makes the error of a system call that was given the queue's memory, and
// found it missing, what Guard would return. Other errors it returns as they are.
func (a *Participant) Faulted(err error) error {
	if err != nil && sys.IsFault(err) {
		err = a.whyLost()
	}
	return err
}

// whyLost returns why the participant can't go on after a fault that was handled.
func (a *Participant) whyLost() error { return a.lose(a.q.WhyFaulted()) }

// lose ends the use of the participant, and returns why it ended, which may be an
// earlier reason.
func (a *Participant) lose(err error) error {
	if errors.Is(err, fail.ErrNoSpace) {
		err = cmp.Or(a.overwritten(), err) // a file that has grown again since the fault
	}
	a.lost.CompareAndSwap(nil, &err)
	a.alert()
	return *a.lost.Load()
}

// Remedy adds to an error of the ring what can be done about it. What the participant
// returned has that already.
func (a *Participant) Remedy(err error) error {
	if errors.Is(err, fail.ErrRemoved) || errors.Is(err, fail.ErrTruncated) {
		return err
	}
	if errors.Is(err, fail.ErrDamaged) { // perhaps because these are the words of another queue
		if other := a.overwritten(); other != nil {
			return a.lose(other)
		}
	}
	return fail.Remedy(err)
}
