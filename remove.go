package shmq

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Remove removes the queue of that name, with the records in it. It refuses with
// ErrInUse while anyone is attached, and with ErrNotQueue, ErrVersion or ErrDamaged
// a file that it does not recognise. Other errors: ErrName, fs.ErrNotExist,
// fs.ErrPermission.
func Remove(name string) error { return RemoveIf(name, func() error { return nil }) }

// RemoveIf removes as Remove does if check returns nil, and otherwise returns the
// error. It is called when nobody is attached and nobody can attach any more until
// RemoveIf returns, so what it finds out about the queue stays true.
func RemoveIf(name string, check func() error) error {
	for try := 0; ; try++ {
		err := remove(name, false, check)
		if !errors.Is(err, errBusy) || try == attachTries {
			return fail("remove", name, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// errBusy: a role is locked, and no seat tells by whom. It may be by another Remove
// that is about to refuse: of two that leave at once, one has to succeed.
var errBusy = fmt.Errorf("%w by a process that is attaching, detaching or removing it just now; try again", ErrInUse)

// ForceRemove removes the queue even if it is in use, damaged, or of another layout
// version, as long as it starts like a queue. For those attached it comes to its end,
// within a heartbeat or two: producers get ErrRemoved, consumers first what is left in it.
// The memory is free when the last of them has closed.
func ForceRemove(name string) error { return fail("remove", name, remove(name, true, nil)) }

func remove(name string, force bool, check func() error) (err error) {
	if isFD(name) {
		return errFDRemove
	}
	at, err := find(name)
	if err != nil {
		return err
	}
	f, h, err := open(at, true)
	if err != nil {
		return at.discard(err, force)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if !force {
		// Held exclusively until the name is gone, so nobody attaches meanwhile.
		locks := []int64{layout.LockProducer, layout.LockConsumer}
		if h.Checksum {
			locks = append([]int64{layout.LockImage}, locks...) // who rebuilds has no role yet
		}
		for _, b := range locks {
			ok, err := f.TryLock(b, true)
			if err != nil {
				return err
			}
			if !ok {
				return inUse(f, h)
			}
			// Closing may not drop it: a child that this process is starting just
			// now shares the description.
			defer f.Unlock(b)
		}
	}
	if check != nil {
		if err := check(); err != nil {
			return err
		}
	}
	return unname(at, f)
}

// beforeUnname is for tests: what happens between the last look and the removal.
var beforeUnname = func() {}

var errAlreadyGone = fmt.Errorf("%w: somebody else removed it meanwhile", fs.ErrNotExist)

// unname removes the name if it means f. The kernel removes whatever the name means at
// that moment, so from the look until it is gone others who remove f are kept out: while
// f has the name, nobody can make a queue of that name.
func unname(at place, f *sys.File) error {
	for try := 0; ; try++ {
		ok, err := f.TryLock(layout.LockName, true)
		if err != nil {
			return err
		}
		if ok {
			break
		}
		if try == attachTries {
			return errBusy
		}
		time.Sleep(time.Millisecond)
	}
	defer f.Unlock(layout.LockName)
	if mine, err := at.names(f); err != nil || !mine {
		return cmp.Or(err, errAlreadyGone)
	}
	beforeUnname()
	return at.unname(f)
}

// inUse names the living participants.
func inUse(f *sys.File, h layout.Header) error {
	mem, err := f.Map(int(h.TotalSize()), false)
	if err != nil {
		return errors.Join(ErrInUse, err)
	}
	defer sys.Unmap(mem)
	r, err := ring.New(mem, h.Geometry, sys.MonotonicMillis)
	if err != nil {
		return errors.Join(ErrInUse, err)
	}
	var names []string
	if err := touch(f, mem, func() error {
		for i := range h.Seats {
			s := r.Seat(i)
			if held, err := f.Locked(seatByte(i)); s.Dirty() && err == nil && held {
				o := s.Occupant()
				names = append(names, fmt.Sprintf("%s pid %d (%s)", Role(o.Role), o.PID, o.Command))
			}
		}
		return nil
	}); err != nil {
		return errors.Join(ErrInUse, err)
	}
	if len(names) == 0 {
		return errBusy
	}
	return fmt.Errorf("%w by %s; end them, or remove it by force", ErrInUse, strings.Join(names, ", "))
}
