package sys

import (
	"errors"
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

// Pin holds a description for its locks, without a descriptor once it is hidden.
type Pin struct {
	file *File
	page []byte // mapped through file; nil where that does not keep the description
}

// pinning are filesystems on which a mapping keeps the description that it was made
// through. In a stack of them, as overlayfs is, it keeps one of another layer.
var pinning = map[uint32]bool{
	unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.HUGETLBFS_MAGIC: true,
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true,
}

// Pin takes over f, whose locks then last until Release or the end of the process.
func (f *File) Pin() (*Pin, error) {
	k, err := f.kindOf()
	if err != nil || !pinning[k.fs] {
		return &Pin{file: f}, nil
	}
	size := unix.Getpagesize()
	if k.fs == unix.HUGETLBFS_MAGIC {
		size = int(k.block)
	}
	page, err := f.Map(size, false)
	return &Pin{f, page}, err
}

// Hide closes the descriptor, so that children that are forked later do not share the
// locks: they inherit descriptors, and not this mapping. Where a mapping does not keep
// the locks it does nothing.
func (p *Pin) Hide() error {
	if p.page == nil {
		return nil
	}
	f := p.file
	p.file = nil
	return f.Close()
}

// Release drops the locks, which are on these bytes.
func (p *Pin) Release(bytes ...int64) error {
	var errs []error
	if p.file != nil { // a child that is being started just now may share it
		for _, b := range bytes {
			errs = append(errs, p.file.Unlock(b))
		}
		errs = append(errs, p.file.Close())
	}
	if p.page != nil {
		errs = append(errs, Unmap(p.page))
	}
	return errors.Join(errs...)
}

func (f *File) fcntl(cmd int, kind int16, off int64, found *int16) error {
	lk := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: off, Len: 1}
	err := retry(func() error { return unix.FcntlFlock(uintptr(f.fd), cmd, &lk) })
	if found != nil {
		*found = lk.Type
	}
	return err
}
