package sys

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// anonymousName is what /proc shows of an anonymous file, as memfd:shmq.
const anonymousName = "shmq"

// CreateAnonymous makes a file in memory that has no name and goes with the last
// descriptor and mapping of it. Seal makes its size final. No process can execute it, so
// those bits of mode are left out.
func CreateAnonymous(mode fs.FileMode) (*File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(anonymousName, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(anonymousName, flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := &File{fd: fd, path: "memfd:" + anonymousName}
	if err := unix.Fchmod(fd, uint32(mode.Perm()&^0o111)); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "chmod", Path: f.path, Err: err}, f.Close())
	}
	return f, nil
}

// Seal makes the file keep its size for good, and lets no process add another seal: one
// against writing would shut later participants out.
func (f *File) Seal() error {
	_, err := unix.FcntlInt(uintptr(f.fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	if err != nil {
		return &fs.PathError{Op: "seal", Path: f.path, Err: err}
	}
	return nil
}

// Shrinkable reports whether a process can still make the file shorter, and so take away
// pages that are mapped. Only a sealed anonymous file can't be. Its pages can still be
// punched out, but they come back, as zeros, when they are touched.
func (f *File) Shrinkable() bool { return f.seals()&unix.F_SEAL_SHRINK == 0 }

// Writable reports whether no seal keeps the file from being mapped for writing.
func (f *File) Writable() bool { return f.seals()&(unix.F_SEAL_WRITE|unix.F_SEAL_FUTURE_WRITE) == 0 }

// seals returns 0 for a file that can't have any.
func (f *File) seals() int {
	seals, err := unix.FcntlInt(uintptr(f.fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return 0
	}
	return seals
}

// OSFile makes an os.File of the descriptor. Nothing else must be done with f any more.
func (f *File) OSFile() *os.File { return os.NewFile(uintptr(f.fd), f.path) }
