package shmq

import (
	"errors"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// Recover takes back what dead participants held: their unpublished claims become
// skipped slots, their unacknowledged records are delivered again. Whoever attaches
// or waits does this by itself. It never touches a living participant, however long
// that is stopped: a seat's slots change hands only under the seat's own lock, which
// the kernel keeps for as long as its holder lives. Where a page of the queue is
// missing it takes back less, and the attachment can't be used any more.
func (a *Attachment) Recover() ring.Swept {
	var found ring.Swept
	_ = a.Guard(func() error { // the next call returns it
		var dead []remains
		found, dead = a.recoverAll()
		for i := range dead {
			a.logDead(dead[i]) // when no lock is held any more
		}
		return nil
	})
	return found
}

func (a *Attachment) recoverAll() (found ring.Swept, dead []remains) {
	// Two goroutines that use one description would get each other's locks.
	if !a.recovering.TryLock() {
		return found, nil
	}
	defer a.recovering.Unlock()
	for i := range a.header.Seats {
		if i == a.seat || !a.ring.Seat(i).Dirty() || a.alive(i) {
			continue
		}
		_, _ = a.recoverSeat(i, func() { // an error leaves it to others
			left := a.bury(i)
			found.Claims += left.found.Claims
			found.Takes += left.found.Takes
			if a.log != nil {
				dead = append(dead, left)
			}
		})
	}
	return found, dead
}

// recoverSeat frees a dead one's seat after takeBack has taken back what it held. It
// reports false when somebody else recovers it, has done so, or has taken the seat.
func (a *Attachment) recoverSeat(i int, takeBack func()) (dirty bool, err error) {
	if ok, err := a.probe.TryLock(seatByte(i), true); err != nil || !ok {
		return false, err
	}
	// Deferred for the fault of a missing page: others may get further.
	defer func() { err = errors.Join(err, a.probe.Unlock(seatByte(i))) }()
	dirty = a.ring.Seat(i).Dirty() // still, now that nobody else can change it
	if dirty {
		takeBack()
		a.ring.Seat(i).Clean()
	}
	return dirty, nil
}

// reclaim takes back the slots of a seat whose lock this attachment holds, and
// wakes who can go on because of it.
func (a *Attachment) reclaim(seat int) ring.Swept {
	found := a.ring.Sweep(seat)
	if found != (ring.Swept{}) {
		park.WakeAll(a.ring.DataFutex())
		park.WakeAll(a.ring.RoomFutex())
	}
	return found
}

// alive asks the kernel whether the seat's lock is held. An answer that can't be
// had counts as yes: nobody is robbed on a guess.
func (a *Attachment) alive(seat int) bool {
	held, err := a.probe.Locked(seatByte(seat))
	return err != nil || held
}
