package shmq

import (
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq/layout"
)

// Streams begin and end with producers that attach and leave; ring/stream.go has the
// rules. Here is what takes the kernel's word: who is attached, and who has the lock
// under which that stays so.

// streamPatience bounds how long a producer that attaches waits for layout.LockStream,
// which is held for microseconds, unless its holder was stopped meanwhile; one that
// leaves waits for leavePatience.
const streamPatience = 10 * time.Second

var errStream = fmt.Errorf("%w by a producer that has been attaching or detaching for long, or is stopped in the middle of that; end that process or let it go on, then try again", ErrInUse)

// lockStream takes the lock of streams, or returns errStream. Only producers need it.
func (a *Attachment) lockStream(patience time.Duration) error {
	if a.role != Producer {
		return nil
	}
	end := time.Now().Add(patience)
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, 16*time.Millisecond) {
		ok, err := a.probe.TryLock(layout.LockStream, true)
		if err != nil || ok {
			return err
		}
		if time.Now().After(end) {
			return errStream
		}
		time.Sleep(pause)
	}
}

func (a *Attachment) unlockStream() error {
	if a.role != Producer {
		return nil
	}
	return a.probe.Unlock(layout.LockStream)
}

// joinStream ends the stream before, if no producer that lives is part of it.
//
// Preconditions: the caller holds the lock of streams, and the producer's role through
// lock.
func (a *Attachment) joinStream(lock interface{ Locked(off int64) (bool, error) }) error {
	others, err := lock.Locked(layout.LockProducer)
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
func (a *Attachment) noteEnd() {
	next := a.ring.Ends() + 1
	own := a.seat >= 0 && a.ring.Seat(a.seat).Awaits(next)
	a.ring.NoteEnd(own || a.Awaited(next))
}

// Begin makes a producer part of the stream: from here on consumers that ask for its end
// wait for this producer. It comes after all that may refuse. It is for the goroutine
// that uses the attachment.
func (a *Attachment) Begin() {
	a.began = true
	a.ring.BeginStream()
}

// GiveUp says that a producer leaves without having sent all that it meant to, so that
// consumers are told of a stream that was cut, as if it had been killed. It is for the
// goroutine that uses the attachment.
func (a *Attachment) GiveUp() { a.gaveUp = true }

// leaveStream drops a producer's locks, and notes the end of the stream if no other
// producer is attached. Who can't have the lock of streams, or the gate where there is
// one, leaves that to whoever comes next. A consumer drops its locks.
func (a *Attachment) leaveStream(gate bool) error {
	if a.role != Producer {
		return a.dropLocks()
	}
	locked := a.lockStream(leavePatience) == nil
	var err error
	if a.lost.Load() == nil {
		err = a.Guard(func() error {
			if a.began && !a.gaveUp {
				a.ring.LeaveStream()
			}
			a.ring.Seat(a.seat).Clean()
			return nil
		})
	}
	err = errors.Join(err, a.dropLocks())
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
func (a *Attachment) endUnlessJoined() error {
	if attached, err := a.probe.Locked(layout.LockProducer); err != nil || attached {
		return err
	}
	a.noteEnd()
	return nil
}

// EndStream notes the end of the stream if it is open and no producer is attached any
// more, killed ones perhaps. Who is about to attach or to leave as a producer does it as
// well, so this one does not wait for those. It is for consumers.
func (a *Attachment) EndStream() error {
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
	ok, err := a.probe.TryLock(layout.LockStream, true)
	if err != nil || !ok {
		return fail("look for the end of", a.name, err)
	}
	err = a.Guard(a.endUnlessJoined)
	return fail("look for the end of", a.name, errors.Join(err, a.probe.Unlock(layout.LockStream)))
}

// Recovering reports whether somebody is recovering the dead just now: then a seat that
// looks alive may not be.
func (a *Attachment) Recovering() (bool, error) {
	held, err := a.probe.Locked(layout.LockRecovery)
	return held, fail("look for the end of", a.name, err)
}

// Awaited reports whether a consumer that lives, other than this one, has a claim to be
// told end n of a stream.
func (a *Attachment) Awaited(n uint64) bool {
	for i := range a.header.Seats {
		if s := a.ring.Seat(i); i != a.seat && s.Dirty() && s.Awaits(n) && a.alive(i) {
			return true
		}
	}
	return false
}
