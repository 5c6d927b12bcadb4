package sys

import (
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Borrow returns what a descriptor of this process is, if it is one. The File must not be
// closed, and its locks may be shared with other processes.
func Borrow(fd int) *File { return &File{fd: fd, path: "descriptor " + strconv.Itoa(fd)} }

// Access tells what the file was opened for. Error: fs.ErrNotExist if it is not open.
func (f *File) Access() (read, write bool, err error) {
	flags, err := unix.FcntlInt(uintptr(f.fd), unix.F_GETFL, 0)
	switch {
	case err == unix.EBADF:
		return false, false, fs.ErrNotExist
	case err != nil:
		return false, false, &fs.PathError{Op: "describe", Path: f.path, Err: err}
	case flags&unix.O_PATH != 0:
		return false, false, nil
	}
	mode := flags & unix.O_ACCMODE
	return mode != unix.O_WRONLY, mode != unix.O_RDONLY, nil
}

// With lets do look at an os.File. The File is valid until do returns, and must not be
// closed. Error: fs.ErrClosed, or what do returns.
func With(f *os.File, do func(*File) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	closed := conn.Control(func(fd uintptr) { err = do(&File{fd: int(fd), path: f.Name()}) })
	if closed != nil {
		return &fs.PathError{Op: "use", Path: f.Name(), Err: fs.ErrClosed}
	}
	return err
}

// Descriptor returns the number of a file's descriptor, or -1 of one that is closed.
func Descriptor(f *os.File) int {
	number := -1
	_ = With(f, func(f *File) error { number = f.fd; return nil })
	return number
}

// ReserveDescriptor keeps a number for ExecWith: nothing that this process opens gets it.
// It has to be called before anything is opened. Error: fs.ErrExist if the process was
// started with a descriptor of that number.
func ReserveDescriptor(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	switch {
	case err == unix.EBADF:
		err = unix.Dup3(2, fd, unix.O_CLOEXEC) // 2 is open: Go sees to that
	case err == nil && flags&unix.FD_CLOEXEC == 0:
		err = fs.ErrExist
	} // else Go's runtime has it, to read limits of a cgroup, and exec would close it
	if err != nil {
		return &fs.PathError{Op: "reserve descriptor", Path: strconv.Itoa(fd), Err: err}
	}
	return nil
}

// ExecWith replaces this process by a program, which gets f as its descriptor fd: a
// number from ReserveDescriptor. It returns only if that fails.
func ExecWith(f *os.File, fd int, path string, args, env []string) error {
	err := With(f, func(f *File) error { return unix.Dup3(f.fd, fd, 0) })
	if err == nil {
		err = syscall.Exec(path, args, env) // sets the limit of open files back, too
	}
	return &fs.PathError{Op: "exec", Path: path, Err: err}
}
