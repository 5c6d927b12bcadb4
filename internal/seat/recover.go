package seat

import (
	"errors"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Dead is a participant that died, and what the sweep of its seat found: its unpublished
// claims became skipped slots, its unacknowledged records are delivered again.
type Dead struct {
	Seat  int
	Was   ring.Occupant
	Found ring.Swept
}

// RecoverAll recovers all dead participants, but not that of the seat number mine. What
// can't be recovered it leaves to others.
//
// Preconditions: no other goroutine recovers through q: two would get each other's locks.
func RecoverAll(q *mapped.Queue, mine int) (all []Dead) {
	locked := false
	for i := range q.Header.Seats {
		if i == mine || !q.Ring.Seat(i).Dirty() || Alive(q, i) {
			continue
		}
		if !locked {
			if LockRecovery(q) != nil {
				return all
			}
			locked = true
			defer UnlockRecovery(q)
		}
		if dead, _ := Recover(q, i, nil); dead != nil {
			all = append(all, *dead)
		}
	}
	return all
}

// LockRecovery tells other participants that seats are being recovered: a seat whose lock is
// held may then be that of a dead participant. It excludes no process.
func LockRecovery(q *mapped.Queue) error {
	ok, err := q.File.TryLock(layout.LockRecovery, false)
	if err == nil && !ok { // no process locks it exclusively
		err = fail.ErrInUse
	}
	return err
}

// UnlockRecovery has no error to return: the lock goes with the queue at the latest.
func UnlockRecovery(q *mapped.Queue) { _ = q.File.Unlock(layout.LockRecovery) }

// Recover sweeps what the dead participant of seat i held, and frees the seat. before, if
// not nil, is called before anything changes, when no other process can change it. Recover
// returns nil when another participant recovers it, has done so, or has taken the seat. It never
// touches a living participant, however long that is stopped: a seat's slots change hands
// only under the seat's own lock, which the kernel keeps for as long as its holder lives.
//
// Preconditions: as RecoverAll, and LockRecovery.
func Recover(q *mapped.Queue, i int, before func()) (dead *Dead, err error) {
	if ok, err := q.File.TryLock(Byte(i), true); err != nil || !ok {
		return nil, err
	}
	// Deferred for the fault of a missing page: others may get further.
	defer func() { err = errors.Join(err, q.File.Unlock(Byte(i))) }()
	if !q.Ring.Seat(i).Dirty() { // any more, now that no other process can change it
		return nil, nil
	}
	if before != nil {
		before()
	}
	found := sweep(q, i)
	q.Ring.Seat(i).Clean()
	return &found, nil
}

// sweep changes the words that name a seat, and wakes all that can go on because of it.
//
// Preconditions: this process holds the seat's lock.
func sweep(q *mapped.Queue, i int) Dead {
	dead := Dead{Seat: i, Was: q.Ring.Seat(i).Occupant()}
	dead.Found = q.Ring.Sweep(i)
	cleared := clearAll(q, func(s ring.Subscription) bool { return s.Seat() == i })
	if dead.Found != (ring.Swept{}) || cleared > 0 {
		WakeEverybody(q)
	}
	return dead
}

// Abandon sweeps what this process itself holds by a seat that no handle uses any more, as
// after a death. The seat stays taken.
func Abandon(q *mapped.Queue, h *Held) { sweep(q, h.Number) }

// WakeEverybody wakes all sleepers of both roles.
func WakeEverybody(q *mapped.Queue) {
	park.WakeAll(q.Ring.DataFutex())
	park.WakeAll(q.Ring.RoomFutex())
}
