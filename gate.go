package shmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// A queue with checksums has a gate: a byte, layout.LockImage, that is locked by who
// attaches, leaves, recovers from outside or removes, one at a time. Behind it the file
// may be what a power failure left on a disk, pages of many moments, and then has to be
// made a ring again before anybody uses it.
//
// Why no two rebuild at once, and nobody is attached meanwhile: a role is taken only by
// who holds the gate. Roles are dropped without it too, by death or by who leaves while
// the gate can't be had, but that only makes those attached fewer. So who holds the gate
// and finds both roles free is alone, and stays alone until it lets go. The dead are
// really gone then: the kernel drops a lock with the last reference to its description, and
// takes all of a process's mappings out of its page tables before it drops those that they
// hold or closes files, so no store follows. Who leaves in order stores nothing to
// the ring after it dropped its role, but perhaps a count to a futex word.
//
// Why it may be killed anywhere: the hot word image is what decides, and who holds the
// gate writes it, nobody else. The order on the disk is
//
//	first in:   [rebuild, sync all,] image = stamp, sync it, take a role, publish
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

// gatePatience bounds how long one waits at the gate. A rebuild reads the whole queue and
// writes it back: seconds, for one of gigabytes.
var gatePatience = time.Minute

// leavePatience bounds how long one who leaves waits at the gate. Who is ahead does not
// rebuild, since there is a participant; it may have been stopped. To leave without the
// gate is what the killed do: the next one to come will cope.
const leavePatience = time.Second

// errGate: somebody has the gate and does not let go.
var errGate = fmt.Errorf("%w by a process that has been attaching, detaching or rebuilding it for long, or is stopped in the middle of that; end that process or let it go on, then try again", ErrInUse)

// lockGate takes the gate, or returns errGate. Without checksums there is none.
func (a *Attachment) lockGate(patience time.Duration) error {
	if !a.header.Checksum {
		return nil
	}
	end := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 16*time.Millisecond) {
		ok, err := a.probe.TryLock(layout.LockImage, true)
		if err != nil || ok {
			return err
		}
		if time.Now().After(end) {
			return errGate
		}
		time.Sleep(pause)
	}
}

func (a *Attachment) unlockGate() error {
	if !a.header.Checksum {
		return nil
	}
	return a.probe.Unlock(layout.LockImage)
}

// alone reports whether nobody has a role.
func (a *Attachment) alone() (bool, error) { return unattached(a.probe) }

func unattached(f *sys.File) (bool, error) {
	for _, b := range []int64{layout.LockProducer, layout.LockConsumer} {
		if held, err := f.Locked(b); err != nil || held {
			return false, err
		}
	}
	return true, nil
}

// enter makes the queue fit to be used here, if nobody uses it. It returns what a
// rebuild found, nil if none was due.
//
// Preconditions: the caller holds the gate and no role.
func (a *Attachment) enter() (*ring.Rebuilt, error) {
	if !a.header.Checksum {
		return nil, nil
	}
	if alone, err := a.alone(); err != nil || !alone {
		return nil, err
	}
	here, err := stamp(a.probe)
	if err != nil {
		return nil, err
	}
	var found *ring.Rebuilt
	if was := a.ring.Image(); was != 0 && was != here {
		got, err := ring.Rebuild(a.mem, a.header.Geometry)
		if err != nil {
			return nil, remedy(err)
		}
		if err := syncAll(a.mem); err != nil {
			return nil, notSynced(a.name, err)
		}
		found = &got
	}
	a.ring.SetImage(here)
	return found, a.syncHot()
}

// leave makes the queue fit to be used anywhere, if nobody else uses it.
//
// Preconditions: the caller holds the gate and no role any more, and writes nothing to
// the ring.
func (a *Attachment) leave() error {
	if !a.header.Checksum {
		return nil
	}
	if alone, err := a.alone(); err != nil || !alone {
		return err
	}
	if err := a.Sync(); err != nil {
		return err
	}
	a.ring.SetImage(0)
	return a.syncHot()
}

// syncHot syncs the hot words. A failure that it is told of may be that of any page.
func (a *Attachment) syncHot() error {
	err := sys.SyncPart(a.mem, layout.HotOffset, layout.HotSize)
	if err != nil {
		_ = sys.Redirty(a.mem)
	}
	return notSynced(a.name, err)
}

// logRebuilt tells of a rebuild.
func (a *Attachment) logRebuilt(found *ring.Rebuilt) {
	if a.log == nil || found == nil {
		return
	}
	a.log.LogAttrs(context.Background(), slog.LevelWarn, "shmq: a queue was rebuilt from what the disk had",
		slog.String("queue", a.name), slog.Int("records", found.Records), slog.Int("torn", found.Torn))
}

// Rebuilt tells what was made of a queue that the disk had in pieces.
type Rebuilt struct {
	Records int `json:"records"` // that are there, and are delivered, flagged
	Torn    int `json:"torn"`    // that had not reached the disk whole, and were dropped
}

// rebuildCopy tells what a rebuild of the queue would find, and leaves the queue alone.
func rebuildCopy(at place) (_ *Rebuilt, err error) {
	f, h, err := open(at, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	mem, err := f.MapPrivate(int(h.TotalSize()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sys.Unmap(mem)) }()
	var found ring.Rebuilt
	if err := touch(f, mem, func() error {
		found, err = ring.Rebuild(mem, h.Geometry)
		return err
	}); err != nil {
		return nil, remedy(err)
	}
	return &Rebuilt{Records: found.Records, Torn: found.Torn}, nil
}

// broken reports whether the next one to attach would rebuild the queue.
func broken(f *sys.File, r *ring.Ring) (bool, error) {
	was := r.Image()
	if was == 0 {
		return false, nil
	}
	if here, err := stamp(f); err != nil || was == here {
		return false, err
	}
	return unattached(f)
}
