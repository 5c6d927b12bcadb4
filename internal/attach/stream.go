package attach

import (
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/retry"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Streams begin and end with producers that attach and leave; ring/stream.go has the
// rules. The part here asks the kernel: who is attached, under the lock that keeps the
// answer true.

// streamPatience bounds how long a producer that attaches waits for layout.LockStream,
// which is held for microseconds, unless its holder was stopped meanwhile; leavePatience
// is for one that leaves.
const (
	streamPatience = 10 * time.Second
	leavePatience  = time.Second
)

var errStream = fmt.Errorf("%w by a producer that has been attaching or detaching for long, or is stopped in the middle of that; end that process or let it go on, then try again", fail.ErrInUse)

const opEnd = "ask for the end of"

// lockStream takes the lock of streams, or returns errStream. Only producers need it.
func (a *Participant) lockStream(patience time.Duration) error {
	if a.role != shmq.Producer {
		return nil
	}
	ok, err := retry.Within(patience, func() (bool, error) { return a.q.File.TryLock(layout.LockStream, true) })
	if err == nil && !ok {
		err = errStream
	}
	return err
}

func (a *Participant) unlockStream() error {
	if a.role != shmq.Producer {
		return nil
	}
	return a.q.File.Unlock(layout.LockStream)
}

// joinStream ends the stream before, if no living producer is part of it. mine is the
// description that has this participant's role. A consumer does it before it subscribes: an end that
// comes afterwards is its own.
//
// Preconditions: a producer holds the lock of streams.
func (a *Participant) joinStream(mine *sys.File) error {
	switch {
	case a.role == shmq.Producer:
	case a.q.Header.Each:
		return a.EndStream()
	default:
		return nil
	}
	others, err := mine.Locked(layout.LockProducer)
	if err != nil || others {
		return err
	}
	a.noteEnd()
	a.ring.WarnOfStream()
	return nil
}

// noteEnd notes the end of the stream that is open.
//
// Preconditions: as Ring.NoteEnd.
func (a *Participant) noteEnd() {
	next := a.ring.Ends() + 1
	own := a.held != nil && a.ring.Seat(a.held.Number).Awaits(next)
	a.ring.NoteEnd(own || a.Awaited(next))
}

// Begin makes a producer part of the stream: from here on consumers that ask for its end
// wait for this producer. It comes after everything that may refuse. It is for the
// goroutine that uses the participant.
func (a *Participant) Begin() {
	a.began = true
	a.ring.BeginStream()
}

// GiveUp says that a producer leaves without having sent all that it meant to, so that
// consumers are told of a stream that was cut, as if it had been killed. It is for the
// goroutine that uses the participant.
func (a *Participant) GiveUp() { a.gaveUp = true }

// leaveStream drops a producer's locks, and notes the end of the stream if no other
// producer is attached. A producer that can't have the lock of streams, or the gate where
// there is one, leaves that to the next participant. A consumer drops its locks.
func (a *Participant) leaveStream(gate bool) error {
	if a.role != shmq.Producer {
		return a.held.Drop()
	}
	locked := a.lockStream(leavePatience) == nil
	var err error
	if a.lost.Load() == nil {
		err = a.Guard(func() error {
			if a.began && !a.gaveUp {
				a.ring.LeaveStream()
			}
			a.ring.Seat(a.held.Number).Clean()
			return nil
		})
	}
	err = errors.Join(err, a.held.Drop())
	if !locked {
		return err
	}
	if gate && a.lost.Load() == nil {
		err = errors.Join(err, a.Guard(a.endUnlessJoined))
	}
	return errors.Join(err, a.unlockStream())
}

// endUnlessJoined notes the end of the stream if no producer is attached.
//
// Preconditions: the caller holds the lock of streams.
func (a *Participant) endUnlessJoined() error {
	if attached, err := a.q.File.Locked(layout.LockProducer); err != nil || attached {
		return err
	}
	a.noteEnd()
	return nil
}

// EndStream notes the end of the stream if it is open and no producer is attached any
// more: its producers may have been killed. A producer that is about to attach or to leave
// does it as well, so this participant does not wait for one. It is for consumers.
func (a *Participant) EndStream() error {
	if !a.ring.StreamOpen() {
		return nil
	}
	if attached, err := a.ProducerAttached(); err != nil || attached {
		return err
	}
	if !a.recovering.TryLock() { // two goroutines would share the lock
		return nil
	}
	defer a.recovering.Unlock()
	ok, err := a.q.File.TryLock(layout.LockStream, true)
	if err != nil || !ok {
		return fail.In(opEnd, a.q.Name, err)
	}
	err = a.Guard(a.endUnlessJoined)
	return fail.In(opEnd, a.q.Name, errors.Join(err, a.q.File.Unlock(layout.LockStream)))
}

// Recovering reports whether a process is recovering dead participants just now: then a
// seat that looks alive may not be.
func (a *Participant) Recovering() (bool, error) {
	held, err := a.q.File.Locked(layout.LockRecovery)
	return held, fail.In(opEnd, a.q.Name, err)
}

// Awaited reports whether a living consumer, other than this one, has a claim to be told
// end n of a stream.
func (a *Participant) Awaited(n uint64) bool {
	own := -1
	if a.held != nil {
		own = a.held.Number
	}
	for i := range a.q.Header.Seats {
		if s := a.ring.Seat(i); i != own && s.Dirty() && s.Awaits(n) && seat.Alive(a.q, i) {
			return true
		}
	}
	return false
}
