// Package place says what a place is, where a queue lives, and what all kinds of places
// share. The kinds are the packages below it: file, memfd and sysv. Package name finds the
// place that a name means.
package place

import (
	"cmp"
	"fmt"
	"io/fs"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/retry"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Place is where a queue lives. Everything above asks a Place and does not care which
// kind it is.
type Place interface {
	// Open opens the queue. Its errors tell what can be done.
	Open(write bool) (*Handle, error)
	// Create makes the queue: complete, with its storage reserved, before Open can find
	// it. Of two creators one gets fs.ErrExist.
	Create(Spec) error
	// Names reports whether the name means this queue now. An error says that it can't be
	// told.
	Names(*Handle) (bool, error)
	// Unname removes the name, and so the queue when its last participant leaves. Where
	// no participant may be attached, the Handle's File holds both roles' locks.
	Unname(*Handle) error
	// Discard removes a queue that Open refused with why, if it may be removed, by force
	// or at all. Otherwise it returns why, or a better reason.
	Discard(why error, force bool) error
	// Shown is what people are shown as the queue's path.
	Shown() string
}

// Handle is an open queue: a file, which identifies the queue and has its locks, and the
// memory, which is the file itself or a segment beside it.
type Handle struct {
	File *sys.File
	Memory
}

// Memory is where the bytes of a queue are. A *sys.File is one.
type Memory interface {
	// Stat describes the memory; the mode has only permission bits and
	// fs.ModeIrregular.
	Stat() (size int64, mode fs.FileMode, uid int, err error)
	// ReadAt reads a copy of the memory, which may be of its first page only.
	ReadAt(b []byte, off int64) (n int, err error)
	// Map maps the first size bytes; sys.Unmap ends that.
	Map(size int, write bool) ([]byte, error)
	// Shrinkable reports whether a process can take away pages that are mapped.
	Shrinkable() bool
}

// InFile returns the Handle of a queue whose memory is its file.
func InFile(f *sys.File) *Handle { return &Handle{f, f} }

// Close closes the file. Mappings stay.
func (h *Handle) Close() error { return h.File.Close() }

// Unattached reports whether no process but the Handle itself has a role.
func (h *Handle) Unattached() (bool, error) {
	for _, b := range []int64{layout.LockProducer, layout.LockConsumer} {
		if held, err := h.File.Locked(b); err != nil || held {
			return false, err
		}
	}
	return true, nil
}

// Unnamed reports whether it is certain that the name does not mean this queue any more.
// A meaning that can't be told, for want of permission on the way to the file for example, is not
// certain.
func Unnamed(at Place, h *Handle) bool {
	mine, err := at.Names(h)
	return err == nil && !mine
}

// beforeUnname is for tests: what happens between the last look and the removal.
var beforeUnname = func() {}

// ErrAlreadyGone: the name does not mean the queue any more that was to be removed.
var ErrAlreadyGone = fmt.Errorf("%w: another process removed it meanwhile", fs.ErrNotExist)

// Remove removes the name if it means the queue. The kernel removes whatever the name
// means at that moment, so from the question until it is gone others that remove the queue
// are kept out: while the queue has the name, no process can make another one of that name.
func Remove(at Place, h *Handle) error {
	if err := retry.Passing(func() (bool, error) {
		ok, err := h.File.TryLock(layout.LockName, true)
		if err != nil || ok {
			return false, err
		}
		return true, fail.ErrBusy
	}); err != nil {
		return err
	}
	defer h.File.Unlock(layout.LockName)
	if mine, err := at.Names(h); err != nil || !mine {
		return cmp.Or(err, ErrAlreadyGone)
	}
	beforeUnname()
	return at.Unname(h)
}

// OnThisMachine refuses files that another machine may have mapped, too.
func OnThisMachine(f *sys.File, path string) error {
	if kind := f.Network(); kind != "" {
		return fmt.Errorf("%w: %s is on %s, and a queue can't span machines; use /dev/shm, or SHMQ_DIR with a local directory", fail.ErrRefused, path, kind)
	}
	return nil
}
