package shmq

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Remove removes the queue of that name, with the records in it. It refuses with
// ErrInUse while anyone is attached, and with ErrNotQueue, ErrVersion or ErrDamaged
// a file that it does not recognise. Other errors: ErrName, fs.ErrNotExist,
// fs.ErrPermission.
func Remove(name string) error { return fail("remove", name, remove(name, false)) }

// ForceRemove removes the queue even if it is in use, damaged, or of another layout
// version, as long as it starts like a queue. Those attached keep what they share
// with each other until they leave; nobody can join them any more.
func ForceRemove(name string) error { return fail("remove", name, remove(name, true)) }

func remove(name string, force bool) (err error) {
	path, err := Path(name)
	if err != nil {
		return err
	}
	f, h, err := open(name, true)
	if err != nil {
		if force && (errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged)) {
			return os.Remove(path)
		}
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if !force {
		// Held exclusively until the name is gone, so nobody attaches meanwhile.
		for _, b := range []int64{layout.LockProducer, layout.LockConsumer} {
			ok, err := f.TryLock(b, true)
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("%w by %s; end them, or remove it by force", ErrInUse, users(f, h))
			}
		}
	}
	mine, err := f.ID()
	if err != nil {
		return err
	}
	if named, err := sys.PathID(path); err != nil || named != mine {
		return errors.Join(err, errGone)
	}
	return os.Remove(path)
}

// users names the living participants.
func users(f *sys.File, h layout.Header) string {
	mem, err := f.Map(int(h.TotalSize()), false)
	if err != nil {
		return "participants"
	}
	defer sys.Unmap(mem)
	r, err := ring.New(mem, h.Geometry, sys.MonotonicMillis)
	if err != nil {
		return "participants"
	}
	var names []string
	for i := range h.Seats {
		s := r.Seat(i)
		if held, err := f.Locked(seatByte(i)); s.Dirty() && err == nil && held {
			o := s.Occupant()
			names = append(names, fmt.Sprintf("%s pid %d (%s)", Role(o.Role), o.PID, o.Command))
		}
	}
	if len(names) == 0 {
		return "a process that is attaching or detaching just now"
	}
	return strings.Join(names, ", ")
}
