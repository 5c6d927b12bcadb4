package attach

import (
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/park"
)

// A participant learns within a heartbeat that its queue was removed, or its file cut,
// and without a clock on the way of a record. One that waits asks between two sleeps. For
// one that never waits there is a timer, which sets a flag and stops; the next call sees the
// flag, asks, and starts the timer again. So a busy participant asks ten times a second,
// the first call after a pause asks before it does anything else, and a process that does
// nothing has no timer running.

// removedGrace is how long a consumer goes on after it has seen that its queue was
// removed, unless no producer is attached: they may send until they see it too.
const removedGrace = 2 * park.Heartbeat

// Due reports whether the next call will ask. It stays true when the participant can't go on.
func (a *Participant) Due() bool { return a.ask.Load() || a.left.Load() }

// alert makes the next call ask Attend before it does anything.
func (a *Participant) alert() {
	a.ask.Store(true)
	a.due.Store(1)
}

// leave makes it return ErrClosed, and all that follow.
func (a *Participant) leave() {
	a.left.Store(true) // before due: a call that sees due finds it
	a.due.Store(1)
}

// GoLong makes all calls due, for good: they go the long way, where there is more to look
// after. That is so by itself where calls have to be guarded.
func (a *Participant) GoLong() {
	a.long = true
	a.due.Store(1)
}

// relax is the opposite of alert.
func (a *Participant) relax() {
	if !a.long {
		a.due.Store(0)
	}
	if a.left.Load() { // since it was asked
		a.due.Store(1)
	}
}

// Attend does what is due: it asks about the queue's file, and recovers dead participants,
// so that a busy participant does so as often as a waiting one. It takes 1 to 2 us, and
// about 0.5 us for each other participant. It returns why the participant can't go on:
// ErrClosed, ErrTruncated, ErrNoSpace and, to a producer, ErrRemoved. A consumer goes on
// until it finds nothing more; see Gone. It is for the goroutine that uses the participant.
func (a *Participant) Attend() error {
	if a.left.Load() {
		return fail.ErrClosed
	}
	if !a.ask.Swap(false) {
		return nil
	}
	a.relax() // before it asks, so that what happens meanwhile is not missed
	if err := a.beat(time.Now()); err != nil {
		return err
	}
	a.timer.Reset(park.Heartbeat)
	return nil
}

// Beat does what Attend does if the last time was a heartbeat ago. A waiting participant
// calls it between two sleeps; it is for the goroutine that uses the participant.
func (a *Participant) Beat() error {
	now := time.Now()
	if now.Sub(a.lastBeat) < park.Heartbeat {
		return nil
	}
	return a.beat(now)
}

// Missed is for a call that could not go on and does not sleep, or spins: it does what is
// due. It is for the goroutine that uses the participant.
func (a *Participant) Missed() error {
	if !a.Due() {
		return nil
	}
	return a.Attend()
}

func (a *Participant) beat(now time.Time) error {
	a.lastBeat = now
	if err := a.checkFile(); err != nil {
		a.alert()
		return err
	}
	a.logUnguarded()
	a.Recover()
	return nil
}

// checkAfterPause is for settling and leaving. It finds out whether the file still holds this queue, if that was
// not asked for a heartbeat, and returns why the participant can't go on if nobody knew that before. It is
// for the goroutine that uses the participant, or has ended its use.
func (a *Participant) checkAfterPause() error {
	now := time.Now()
	if a.lost.Load() != nil || now.Sub(a.lastBeat) < park.Heartbeat {
		return nil
	}
	a.lastBeat = now
	_ = a.checkFile()
	if lost := a.lost.Load(); lost != nil {
		return *lost
	}
	return nil
}

// Gone returns ErrRemoved to a consumer that finds nothing in a queue that was removed,
// when nothing can follow: no producer is attached, or those that are had the time to
// see it as well. It is for the goroutine that uses the participant.
func (a *Participant) Gone() error {
	if a.removed.IsZero() {
		return nil
	}
	if time.Since(a.removed) < removedGrace {
		if attached, err := a.ProducerAttached(); err != nil || attached {
			return nil
		}
	}
	return fail.Remedy(fail.ErrRemoved)
}

// Removed asks at once whether the queue was removed: ErrRemoved, ErrTruncated or nil.
// It is for the goroutine that uses the participant.
func (a *Participant) Removed() error {
	if err := a.checkFile(); err != nil || a.removed.IsZero() {
		return err
	}
	return fail.Remedy(fail.ErrRemoved)
}

// checkFile asks whether the file is as long as it was, still holds this queue, and still
// has the queue's name. What can't be told counts as yes.
func (a *Participant) checkFile() error {
	if lost := a.lost.Load(); lost != nil {
		return *lost
	}
	if a.Hit() {
		return a.whyLost()
	}
	if err := a.cut(); err != nil {
		return a.lose(err)
	}
	if err := a.overwritten(); err != nil {
		return a.lose(err)
	}
	if a.removed.IsZero() && a.q.Removed() {
		a.removed = time.Now()
	}
	if a.role == shmq.Producer && !a.removed.IsZero() {
		return fail.Remedy(fail.ErrRemoved)
	}
	return nil
}
