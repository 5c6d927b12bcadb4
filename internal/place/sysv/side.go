package sysv

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/retry"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// sideWait bounds how long a process that makes or removes a queue waits for another that
// does. To make a large one ready takes some 0.1 ms for each MiB.
const sideWait = 10 * time.Second

// enter opens the side file and takes the lock under which the queue is made or removed;
// leave gives it back. It fails with fs.ErrNotExist when there is no side file.
func (p *Place) enter() (*sys.File, error) {
	for {
		f, err := sys.Open(p.path, true, false)
		if err != nil {
			return nil, err
		}
		if err := lockSide(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		mine, err := p.side.Names(place.InFile(f))
		if err == nil && mine {
			return f, nil
		}
		if err := errors.Join(err, leave(f)); err != nil {
			return nil, err
		}
	}
}

func lockSide(f *sys.File) error {
	ok, err := retry.Within(sideWait, func() (bool, error) { return f.TryLock(layout.LockSide, true) })
	if err == nil && !ok {
		side, _ := readSide(f)
		err = fmt.Errorf("%w: a process has been making or removing it for %v (it was made by pid %d); let that go on, or end it", fail.ErrInUse, sideWait, side.PID)
	}
	return err
}

// leave unlocks before it closes: a child that this process is starting just now shares
// the description.
func leave(f *sys.File) error { return errors.Join(f.Unlock(layout.LockSide), f.Close()) }

func writeSide(f *sys.File, side *layout.Side) error { return f.WriteAt(side.Encode(), 0) }

// clear removes what there is of a queue that no participant can be attached to, the side file
// last: killed before that, it leaves what can be cleared again.
//
// Preconditions: f is the side file, and LockSide is held.
func (p *Place) clear(f *sys.File, side *layout.Side) error {
	if here(side) && p.isOf(side) {
		if err := p.clearSegment(f, side); err != nil {
			return err
		}
	}
	return p.side.Unname(place.InFile(f))
}

// clearSegment removes the segment if the queue's maker made it, and otherwise gives it
// back to its owner as it was: zero.
func (p *Place) clearSegment(f *sys.File, side *layout.Side) error {
	switch {
	case side.ID < 0:
		return p.clearUnrecorded(f, side)
	case !side.Own && side.Header == [layout.SideHeaderSize]byte{}:
		return nil // nothing was written to it
	}
	seg, err := sys.StatSegment(int(side.ID))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && (seg.Removed || seg.Key != side.Key):
		return nil
	case err != nil:
		return err
	case side.Own:
		return removeOwn(f, seg)
	}
	owner, _, err := f.Owner()
	if err != nil || !seg.MayBeWrittenBy(owner) {
		return err // any user can write such a claim, see removeOwn
	}
	return wipe(seg, side)
}

// clearUnrecorded removes the segment that a dead maker may have made and not noted.
func (p *Place) clearUnrecorded(f *sys.File, side *layout.Side) error {
	if !side.Fresh || p.key == 0 {
		return nil
	}
	id, err := sys.FindSegment(p.key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	seg, err := sys.StatSegment(id)
	if err != nil || seg.Touched || seg.CreatorPID != int(side.PID) {
		return nil // made by another process meanwhile, and left to be taken as it is
	}
	return removeOwn(f, seg)
}

// removeOwn removes a segment that the side file claims as made by the queue's maker.
// Any user can write such a claim, but not in the segment's creator's name.
func removeOwn(f *sys.File, seg sys.Segment) error {
	owner, _, err := f.Owner()
	if err != nil || owner != seg.CreatorUID {
		return err
	}
	return sys.RemoveSegment(seg.ID)
}

// wipe zeroes what a queue took of another program's segment. The header goes last, so
// that as long as it is whole, everything behind it may have to be wiped. Where anything
// else than the header, or a part of it, is in its place, nothing is touched.
func wipe(seg sys.Segment, side *layout.Side) (err error) {
	mem, err := seg.Map(int(seg.Size), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.Unmap(mem)) }()
	if len(mem) < layout.HeaderSize {
		return nil
	}
	whole := true
	for i, b := range side.Header {
		if mem[i] != b && mem[i] != 0 {
			return nil
		}
		whole = whole && mem[i] == b
	}
	if whole && side.State == layout.SideRemoving {
		h, err := layout.Validate(headerPage(side), seg.Size)
		if err != nil {
			return err
		}
		clear(mem[layout.SideHeaderSize:h.TotalSize()])
	}
	clear(mem[:layout.SideHeaderSize])
	return nil
}

// Unname removes a segment of the queue's own, and wipes another program's. Those
// attached could not go on in that one, so it refuses while there are any.
func (p *Place) Unname(h *place.Handle) (err error) {
	queue := h.File
	f, err := p.enter()
	if errors.Is(err, fs.ErrNotExist) {
		return place.ErrAlreadyGone
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave(f)) }()
	mine, err := queue.ID()
	if err != nil {
		return err
	}
	if id, err := f.ID(); err != nil || id != mine {
		return cmp.Or(err, place.ErrAlreadyGone)
	}
	side, err := readSide(f)
	if err != nil {
		return err
	}
	if !side.Own {
		if err := p.alone(queue); err != nil {
			return err
		}
		if err := sys.MayUnlink(p.path); err != nil {
			return err // after wiping it would be too late
		}
		side.State = layout.SideRemoving
		if err := writeSide(f, &side); err != nil {
			return err
		}
	}
	return p.clear(f, &side)
}

// alone takes LockSegment exclusively. Participants that are about to leave get a while.
func (p *Place) alone(queue *sys.File) error {
	return retry.Passing(func() (bool, error) {
		ok, err := queue.TryLock(layout.LockSegment, true)
		if err != nil || ok {
			return false, err
		}
		if err := unattached(queue); err != nil {
			return false, err
		}
		return true, fail.ErrBusy
	})
}

// unattached fails if any description but f has a role.
func unattached(f *sys.File) error {
	free, err := place.InFile(f).Unattached()
	if err == nil && !free {
		err = fmt.Errorf("%w, in a segment that another program made or that is gone already; end those attached first", fail.ErrInUse)
	}
	return err
}

// Discard finishes what a dead maker or remover began, and removes the side file of a
// segment that is gone. By force it also removes a queue that is damaged, of another
// version, or in another IPC namespace; what another program wrote over it stays.
func (p *Place) Discard(why error, force bool) (err error) {
	if errors.Is(why, fail.ErrNotQueue) || errors.Is(why, fs.ErrPermission) {
		return why
	}
	f, err := p.enter()
	if errors.Is(err, fs.ErrNotExist) {
		return why
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave(f)) }()
	side, err := readSide(f)
	if err != nil {
		if force && !errors.Is(err, fail.ErrNotQueue) {
			return p.side.Unname(place.InFile(f))
		}
		return why
	}
	if side.State != layout.SideReady {
		return p.clear(f, &side)
	}
	// No process changes it any more. The state that open saw may have been a passing one.
	if _, now := p.join(f, &side, true); now != nil {
		why = now
	} else if !errors.Is(why, fail.ErrVersion) && !errors.Is(why, fail.ErrDamaged) {
		return fail.ErrGone
	}
	switch {
	case errors.Is(why, fail.ErrRemoved):
		if !force {
			if err := unattached(f); err != nil {
				return err
			}
		}
		return p.side.Unname(place.InFile(f))
	case force && side.Own && (errors.Is(why, fail.ErrDamaged) || errors.Is(why, fail.ErrVersion)):
		return p.clear(f, &side)
	case force && !errors.Is(why, fs.ErrPermission):
		return p.side.Unname(place.InFile(f))
	}
	return why
}
