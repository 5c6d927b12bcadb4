// Package gate keeps the gate of a queue: the first one in makes the queue fit to be used on
// this machine, the last one out makes it fit to be used anywhere.
package gate

import (
	"fmt"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/retry"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// The gate is a byte, layout.LockImage, that a process locks to attach, to leave, to
// recover from outside or to remove, one at a time. Behind it the file may be what a power
// failure left on a disk, pages of many moments, and then has to be made a ring again
// before a participant uses it.
//
// Why no two rebuild at once, and no participant is attached meanwhile: a role is taken only by
// the holder of the gate. Roles are dropped without it too, by death or by a participant
// that leaves while the gate can't be had, but that only makes the attached ones fewer. So a
// holder of the gate that finds both roles free is alone, and stays alone until it lets go.
// Dead participants are really gone then: the kernel drops a lock with the last reference to its
// description, and takes all of a process's mappings out of its page tables before it drops
// those that they hold or closes files, so no store follows. A participant that leaves in
// order stores nothing to the ring after it dropped its role, but perhaps a count to a
// futex word.
//
// Why a holder may be killed anywhere: the hot word image decides, and only
// the holder of the gate writes it. The order on the disk is
//
//	first in:   [rebuild, sync all,] begin an incarnation, image = stamp, sync both,
//	            take a role, publish
//	last out:   drop the role, sync all, image = 0, sync it, drop the gate
//
// A page that was changed by those attached reaches the disk after the stamp did and
// before the 0 does. So if the machine stops while any such page may be there and others
// may be missing, the disk has a stamp, and it is of a boot that is over. If it has 0,
// all of it is of one moment. Killed while rebuilding: the old stamp is still there, and
// the next one rebuilds what this one left, which Rebuild allows. Killed while attached:
// the stamp is that of this boot, file and mount; then the pages in memory are the ones
// that were written, and recovery is all they need. It may have been killed between the
// store of the stamp and its sync, so the next first one syncs it again.

// patience bounds how long a process waits at the gate to get in. A rebuild reads the whole
// queue and writes it back: seconds, for one of gigabytes.
var patience = time.Minute

// leavePatience bounds how long a participant that leaves waits at the gate. A process
// ahead of it does not rebuild, since there is a participant; it may have been stopped. To
// leave without the gate is what the killed do: the next one to come will cope.
const leavePatience = time.Second

// errHeld: a process has the gate and does not let go.
var errHeld = fmt.Errorf("%w by a process that has been attaching, detaching or rebuilding it for long, or is stopped in the middle of that; end that process or let it go on, then try again", fail.ErrInUse)

// Lock takes the gate to get in, if the queue has one; see Closed. It fails with ErrInUse
// if another process has it for a minute.
//
// What was known when the queue was opened is enough to tell that the gate is open, since a
// participant compares again when it has its role.
func Lock(q *mapped.Queue) (held bool, err error) {
	if closed, err := closed(q, (*sys.File).TouchedBefore); err != nil || !closed {
		return false, err
	}
	return lock(q, patience)
}

// LockToLeave takes the gate to leave, and gives up after a second. Without checksums there
// is nothing to be done at the gate then.
func LockToLeave(q *mapped.Queue) (held bool, err error) {
	if !q.Header.Checksum {
		return false, nil
	}
	return lock(q, leavePatience)
}

func lock(q *mapped.Queue, patience time.Duration) (held bool, err error) {
	ok, err := retry.Within(patience, func() (bool, error) { return q.File.TryLock(layout.LockImage, true) })
	if err == nil && !ok {
		err = errHeld
	}
	return ok && err == nil, err
}

// Unlock drops the gate.
func Unlock(q *mapped.Queue) error { return q.File.Unlock(layout.LockImage) }

// Enter makes the queue fit to be used here, if no participant uses it. It returns what a rebuild
// found, nil if none was due.
//
// Preconditions: the caller holds the gate and no role.
func Enter(q *mapped.Queue) (*ring.Rebuilt, error) {
	if alone, err := q.Unattached(); err != nil || !alone {
		return nil, err
	}
	if !q.Header.Checksum {
		return nil, beginIncarnation(q, false)
	}
	here, err := stamp(q)
	if err != nil {
		return nil, err
	}
	var found *ring.Rebuilt
	if was := q.Ring.Image(); was != 0 && was != here {
		got, err := ring.Rebuild(q.Mem, q.Header.Geometry)
		if err != nil {
			return nil, fail.Remedy(err)
		}
		if err := syncAll(q.Mem); err != nil {
			return nil, NotSynced(q, err)
		}
		found = &got
	}
	if err := beginIncarnation(q, found != nil); err != nil {
		return nil, err
	}
	if q.Ring.Image() == 0 {
		if m, ok, err := q.Ring.Mark(); ok && err == nil { // else the producer says what is wrong
			if err := KeepMark(q, m); err != nil {
				return nil, err
			}
		}
	}
	q.Ring.SetImage(here)
	return found, syncHot(q)
}

// Leave makes the queue fit to be used anywhere, if no other participant uses it. sync brings all
// of it to stable storage.
//
// Preconditions: the caller holds the gate and no role any more, and writes nothing to
// the ring.
func Leave(q *mapped.Queue, sync func() error) error {
	if !q.Header.Checksum {
		return nil
	}
	if alone, err := q.Unattached(); err != nil || !alone {
		return err
	}
	if err := sync(); err != nil {
		return err
	}
	q.Ring.SetImage(0)
	return syncHot(q)
}
