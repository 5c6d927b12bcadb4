package sys

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// CreateTemp makes a file, in the directory of path and of exactly this mode, that
// does not bear the name path yet. Link gives it the name; Close without Link
// leaves nothing.
func CreateTemp(path string, mode fs.FileMode) (*File, error) {
	f, err := createNameless(path)
	if err == nil && !f.hasProc() { // Link could not name it
		_ = f.Close()
		err = unix.EOPNOTSUPP
	}
	switch err {
	case unix.EOPNOTSUPP, unix.EISDIR, unix.EINVAL, unix.ENOSYS, unix.EPERM, unix.EACCES:
		f, err = createNamed(path) // the filesystem or a sandbox has no such files
	}
	if err != nil {
		return nil, limited(&fs.PathError{Op: "create a file in", Path: filepath.Dir(path), Err: err})
	}
	if err := unix.Fchmod(f.fd, uint32(mode.Perm())); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "chmod", Path: path, Err: err}, f.Close())
	}
	return f, nil
}

// createNameless makes a file that goes away with its last descriptor, however this
// process ends.
func createNameless(path string) (*File, error) {
	fd, err := retryInt(func() (int, error) {
		return unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	})
	return &File{fd: fd, path: path}, err
}

// createNamed makes a hidden file of a random name. A process that is killed before
// Close leaves it behind.
func createNamed(path string) (*File, error) {
	temp := filepath.Join(filepath.Dir(path), ".shmq-new-"+randomText())
	fd, err := retryInt(func() (int, error) {
		return unix.Open(temp, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	})
	return &File{fd: fd, path: path, temp: temp}, err
}

// Link gives a file from CreateTemp its name, in one step. It fails with
// fs.ErrExist when the name is taken.
func (f *File) Link() error {
	from, flags := f.proc(), unix.AT_SYMLINK_FOLLOW
	if f.temp != "" {
		from, flags = f.temp, 0
	}
	err := retry(func() error { return unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, f.path, flags) })
	if err != nil {
		return &fs.PathError{Op: "create", Path: f.path, Err: err}
	}
	return nil
}

// proc is the file's path where its name, if it has one, does not matter.
func (f *File) proc() string { return fmt.Sprintf("/proc/self/fd/%d", f.fd) }

func (f *File) hasProc() bool {
	_, err := PathID(f.proc())
	return err == nil
}

// dropTemp removes the name that the file needed until it had its own.
func (f *File) dropTemp() error {
	if f.temp == "" {
		return nil
	}
	if err := unix.Unlink(f.temp); err != nil {
		return &fs.PathError{Op: "remove", Path: f.temp, Err: err}
	}
	return nil
}
