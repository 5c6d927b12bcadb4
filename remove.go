package shmq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/memfd"
	"github.com/shmq/shmq/internal/retry"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/layout"
)

// Remove removes the queue of that name, with the records in it. It refuses with
// ErrInUse while a participant is attached, and with ErrNotQueue, ErrVersion or ErrDamaged
// a file that it does not recognise, with ErrRefused a segment of another IPC namespace.
// Other errors: ErrName, fs.ErrNotExist, fs.ErrPermission.
func Remove(name string) error { return RemoveIf(name, func() error { return nil }) }

// RemoveIf removes as Remove does if check returns nil, and otherwise returns the
// error. It is called when no participant is attached and none can attach any more until
// RemoveIf returns, so what it finds out about the queue stays true.
func RemoveIf(name string, check func() error) error {
	return fail.In("remove", name, retry.Passing(func() (bool, error) {
		err := remove(name, false, check)
		return passing(err), err
	}))
}

// passing reports whether an error is about another process that is in the middle of a
// step; ErrGone is that of a name that had just changed hands.
func passing(err error) bool { return errors.Is(err, fail.ErrBusy) || errors.Is(err, fail.ErrGone) }

// ForceRemove removes the queue even if it is in use, damaged, or of another layout
// version, as long as it starts like a queue. For those attached it comes to its end,
// within a heartbeat or two: producers get ErrRemoved, consumers first what is left in it.
// The memory is free when the last of them has closed.
func ForceRemove(name string) error {
	return fail.In("remove", name, retry.Passing(func() (bool, error) {
		err := remove(name, true, nil)
		return errors.Is(err, fail.ErrGone), err
	}))
}

func remove(name string, force bool, check func() error) (err error) {
	if memfd.Is(name) {
		return memfd.ErrRemove
	}
	q, err := mapped.Find(name)
	if err != nil {
		return err
	}
	if err := q.Open(true); err != nil {
		return q.At.Discard(err, force)
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if !force {
		// Held exclusively until the name is gone, so no process attaches meanwhile.
		locks := []int64{layout.LockProducer, layout.LockConsumer}
		if q.Header.Checksum {
			locks = append([]int64{layout.LockImage}, locks...) // a process that rebuilds has no role yet
		}
		for _, b := range locks {
			ok, err := q.File.TryLock(b, true)
			if err != nil {
				return err
			}
			if !ok {
				return inUse(q)
			}
			// Closing may not drop it: a child that this process is starting just
			// now shares the description.
			defer q.File.Unlock(b)
		}
	}
	if check != nil {
		if err := check(); err != nil {
			return err
		}
	}
	return place.Remove(q.At, q.Handle)
}

// inUse names the living participants.
func inUse(q *mapped.Queue) error {
	if err := q.Map(false); err != nil {
		return errors.Join(ErrInUse, err)
	}
	var names []string
	if err := q.Touch(func() error { names = seat.Living(q, 0); return nil }); err != nil {
		return errors.Join(ErrInUse, err)
	}
	if len(names) == 0 {
		return fail.ErrBusy
	}
	return fmt.Errorf("%w by %s; end them, or remove it by force", ErrInUse, strings.Join(names, ", "))
}
