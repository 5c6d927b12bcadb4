package attach

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/park"
)

// Member is a handle that waits together with others, as package selector has it wait. Its
// methods are for the goroutine that uses the handle.
//
// A handle that goes to sleep with others is in a call meanwhile, as one that sleeps alone:
// Close from another goroutine wakes it, and waits until it has left.
type Member interface {
	// End is that of the handle.
	End() *End

	// Look reports whether a try is worth while. It is a call of its own, as is Check, which
	// returns what a try would return that finds nothing, but nil for nothing.
	Look() (ready bool, err error)
	Check() error
	// LookIn is the rest of Look for a call that has begun and is not smooth.
	LookIn(begun Begun) (ready bool, err error)

	// The rest is for within a call, in End.Within.

	// Ready reports whether a try is worth while.
	Ready() bool
	// Idle comes before the handle announces that it sleeps: it tells the other side that
	// this one has nothing more to do for now.
	Idle()
	// Recall takes back what Idle asked of others of this side.
	Recall()
	// Over comes after that, and returns what the handle is told when there is nothing: the
	// end of a stream, that the queue was removed; ring.ErrPassed if it has to look again.
	Over() error
	// PassOn wakes another participant of this side if there is something for it: this one
	// may have used up a wake-up, and turns to something else. It is a Recall as well.
	PassOn()

	// Fail names the queue in an error, outside of Within.
	Fail(err error) error
}

// Word returns the futex word on which the handle sleeps.
func (e *End) Word() *uint32 { return e.word }

// Join begins a call that may sleep together with calls of other handles. Leave ends it; with
// an error it has ended.
func (e *End) Join() error {
	if begun := e.Enter(); begun != 0 {
		return e.Attend(begun)
	}
	return nil
}

// Within runs f, which uses the ring, within a call that has begun, and makes a fault there
// an error.
func (e *End) Within(f func() error) error { return e.guarded(f) }

// IsLost reports whether a fault has ended the use of the handle.
func (e *End) IsLost() bool { return e.lost.Load() != nil }

// Probe touches the word on which the handle sleeps, within a call: the kernel has found one of
// several words missing, and does not say which.
func (e *End) Probe() error {
	return e.Within(func() error {
		atomics.Load32(e.word)
		return nil
	})
}

// Nudge wakes a participant that sleeps where this one does. Any goroutine may call it at any
// time.
func (e *End) Nudge() {
	e.closing.Lock()
	defer e.closing.Unlock()
	if e.q.Closed() {
		return
	}
	_ = e.unlessLost(func() error { // without the page there is nobody to wake
		if park.Armed(e.word) {
			if e.Each() { // those that sleep there wait for different records
				park.WakeAll(e.word)
			} else {
				park.WakeOne(e.word)
			}
		}
		return nil
	})
}

// Barrier makes the stores that other goroutines of this process have made visible, and
// orders what each stored before against what it loads after, as a fence in each would.
func Barrier() { barrier() }
