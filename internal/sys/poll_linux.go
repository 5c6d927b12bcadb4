package sys

import (
	"math"

	"golang.org/x/sys/unix"
)

// WaitReaderGone waits until no process can read any more what is written to fd, which
// is the writing end of a pipe. It can't be interrupted.
func WaitReaderGone(fd uintptr) error {
	if fd > math.MaxInt32 {
		return unix.EBADF
	}
	return retry(func() error {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, -1)
		return err
	})
}
