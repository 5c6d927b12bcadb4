package sys

import (
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Access is what a descriptor was opened for.
type Access struct{ Read, Write bool }

// DescriptorAccess tells what a descriptor of this process was opened for, and whether
// it is a regular file. Error: fs.ErrNotExist if there is none of that number.
func DescriptorAccess(fd int) (a Access, regular bool, err error) {
	fail := func(err error) (Access, bool, error) {
		if err == unix.EBADF {
			err = fs.ErrNotExist
		}
		return Access{}, false, &fs.PathError{Op: "descriptor", Path: strconv.Itoa(fd), Err: err}
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return fail(err)
	}
	_, mode, _, _, err := (&File{fd: fd}).Stat()
	if err != nil {
		return fail(err)
	}
	if flags&unix.O_PATH == 0 {
		mine := flags & unix.O_ACCMODE
		a = Access{Read: mine != unix.O_WRONLY, Write: mine != unix.O_RDONLY}
	}
	return a, mode.IsRegular(), nil
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

// ReserveDescriptor makes a number a descriptor that does not outlive exec, so that
// nothing else in this process gets it. Error: fs.ErrExist if it is one already.
func ReserveDescriptor(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err == nil {
		err = fs.ErrExist
	} else if err == unix.EBADF {
		err = unix.Dup3(2, fd, unix.O_CLOEXEC) // Go opens 0, 1 and 2 if nobody has
	}
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
