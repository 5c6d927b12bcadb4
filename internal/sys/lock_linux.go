package sys

import (
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// The locks are of the open file description kind: the kernel drops one when the
// description's last reference goes, at the latest at process death, even while
// the process is a zombie and across PID namespaces. Classic fcntl locks would
// vanish when any descriptor of the file is closed.

const noLocks = "without open file description locks nobody knows who lives: let the sandbox allow fcntl, and have Linux 3.15 and a local filesystem"

// TryLock locks the byte at off, exclusively or shared, and reports whether it
// could: false means that another description holds it. Locking again through
// the same File succeeds and changes the kind.
func (f *File) TryLock(off int64, exclusive bool) (bool, error) {
	kind := int16(unix.F_RDLCK)
	if exclusive {
		kind = unix.F_WRLCK
	}
	switch err := f.fcntl(unix.F_OFD_SETLK, kind, off, nil); err {
	case nil:
		return true, nil
	case unix.EAGAIN:
		return false, nil
	default:
		return false, refused(&fs.PathError{Op: "lock", Path: f.path, Err: err}, noLocks)
	}
}

// Unlock drops the lock on the byte at off.
func (f *File) Unlock(off int64) error {
	if err := f.fcntl(unix.F_OFD_SETLK, unix.F_UNLCK, off, nil); err != nil {
		return &fs.PathError{Op: "unlock", Path: f.path, Err: err}
	}
	return nil
}

// Locked reports whether another description holds a lock of any kind on the byte
// at off.
func (f *File) Locked(off int64) (bool, error) {
	var kind int16
	if err := f.fcntl(unix.F_OFD_GETLK, unix.F_WRLCK, off, &kind); err != nil {
		return false, refused(&fs.PathError{Op: "ask for a lock of", Path: f.path, Err: err}, noLocks)
	}
	return kind != unix.F_UNLCK, nil
}

// Pin keeps a description alive, and so its locks, without a descriptor.
type Pin struct{ page []byte }

// Pin makes the locks of f outlive Close, until Release or the end of the process. A
// forked child inherits descriptors but not the pin, so it does not share the locks of
// one that is closed.
func (f *File) Pin() (*Pin, error) {
	size := unix.Getpagesize()
	var st unix.Statfs_t
	if unix.Fstatfs(f.fd, &st) == nil && uint32(st.Type) == unix.HUGETLBFS_MAGIC {
		size = int(st.Bsize)
	}
	page, err := f.mapFile(size, false)
	if err != nil {
		return nil, err
	}
	return &Pin{page}, nil
}

// Release drops the locks.
func (p *Pin) Release() error { return Unmap(p.page) }

func (f *File) fcntl(cmd int, kind int16, off int64, found *int16) error {
	lk := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: off, Len: 1}
	err := retry(func() error { return unix.FcntlFlock(uintptr(f.fd), cmd, &lk) })
	if found != nil {
		*found = lk.Type
	}
	return err
}
