package crew

import (
	"errors"
	"io/fs"
	"strconv"
	"syscall"

	"github.com/shmq/shmq"
)

// final reports whether an error of sending a letter stays whatever happens elsewhere.
// All others are shortages: of space, seats, memory, descriptors, of a role that another
// participant has; or the queue was removed and can be made anew.
func final(err error) bool {
	if errors.Is(err, shmq.ErrRemoved) || errors.Is(err, shmq.ErrTruncated) || shortage(err) {
		return false
	}
	for _, e := range []error{
		shmq.ErrName, shmq.ErrOption, shmq.ErrNotQueue, shmq.ErrVersion, shmq.ErrDamaged, shmq.ErrTooLarge,
		shmq.ErrRefused, fs.ErrPermission, fs.ErrNotExist,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// shortage reports whether the kernel refused for want of something.
func shortage(err error) bool {
	for _, e := range []syscall.Errno{syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func modeOf(info *shmq.Info) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(info.Mode, 8, 32)
	return fs.FileMode(mode) & fs.ModePerm, err
}
