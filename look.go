package shmq

import (
	"time"

	"github.com/shmq/shmq/internal/park"
)

// A participant learns within a heartbeat that its queue was removed, or its file cut,
// and without a clock on the way of a record. Who waits looks between two sleeps. For
// who never waits there is a timer, which sets a flag and stops; the next call sees the
// flag, looks, and starts the timer again. So a busy participant looks ten times a
// second, the first call after a pause looks before it does anything else, and a
// process that does nothing has no timer running.

// removedGrace is how long a consumer goes on after it has seen that its queue was
// removed, unless no producer is attached: they may send until they see it too.
const removedGrace = 2 * park.Heartbeat

// Due reports whether a call has to ask Attend before it does anything: a plain load.
// It stays true when the attachment can't be used any more.
func (a *Attachment) Due() bool { return a.due.Load() }

// Attend looks at the queue's file when that is due, which takes 1 to 2 us. It returns
// why the attachment can't be used: ErrClosed, ErrTruncated, ErrNoSpace and, to
// a producer, ErrRemoved. A consumer goes on until it finds nothing more; see Gone. It
// is for the goroutine that uses the attachment.
func (a *Attachment) Attend() error {
	if a.left.Load() {
		return ErrClosed
	}
	a.due.Store(false) // before the look, so that what happens meanwhile is not missed
	if err := a.lookAtFile(); err != nil {
		a.due.Store(true)
		return err
	}
	a.timer.Reset(park.Heartbeat)
	return nil
}

// Look recovers, and looks at the queue's file as Attend does, if the last time was a
// heartbeat ago. Who waits calls it between two sleeps; it is for the goroutine that
// uses the attachment.
func (a *Attachment) Look() error {
	now := time.Now()
	if now.Sub(a.looked) < park.Heartbeat {
		return nil
	}
	a.looked = now
	if err := a.lookAtFile(); err != nil {
		a.due.Store(true)
		return err
	}
	a.Recover()
	return nil
}

// missesPerLook is how many calls that don't wait find nothing between two looks at
// the clock, so that who polls also recovers, at next to no cost.
const missesPerLook = 256

// Missed counts a call that could not go on and did not wait, and looks now and
// then, as Look does. It is for the goroutine that uses the attachment.
func (a *Attachment) Missed() error {
	if a.misses++; a.misses%missesPerLook == 0 {
		return a.Look()
	}
	return nil
}

// Gone returns ErrRemoved to a consumer that finds nothing in a queue that was removed,
// when nothing can follow: no producer is attached, or those that are had the time to
// see it as well. It is for the goroutine that uses the attachment.
func (a *Attachment) Gone() error {
	if a.removed.IsZero() {
		return nil
	}
	if time.Since(a.removed) < removedGrace {
		if attached, err := a.ProducerAttached(); err != nil || attached {
			return nil
		}
	}
	return remedy(ErrRemoved)
}

// Removed looks at once whether the queue was removed: ErrRemoved, ErrTruncated or nil.
// It is for the goroutine that uses the attachment.
func (a *Attachment) Removed() error {
	if err := a.lookAtFile(); err != nil || a.removed.IsZero() {
		return err
	}
	return remedy(ErrRemoved)
}

// lookAtFile asks the kernel whether the file is as long as it was and still has the
// queue's name. What can't be told counts as yes.
func (a *Attachment) lookAtFile() error {
	if lost := a.lost.Load(); lost != nil {
		return *lost
	}
	if a.Hit() {
		return a.Lost()
	}
	if err := a.cut(); err != nil {
		return a.lose(err)
	}
	if a.removed.IsZero() && unnamed(a.at, a.probe) {
		a.removed = time.Now()
	}
	if a.role == Producer && !a.removed.IsZero() {
		return remedy(ErrRemoved)
	}
	return nil
}
