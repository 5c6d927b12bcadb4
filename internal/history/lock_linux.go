package history

import (
	"os"
	"syscall"
)

// lock keeps other writers away for as long as the file is open.
func lock(f *os.File) error {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err {
	case nil:
		return nil
	case syscall.EWOULDBLOCK:
		return ErrBusy
	default:
		return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
}
