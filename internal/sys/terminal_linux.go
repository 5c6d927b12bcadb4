package sys

import (
	"math"

	"golang.org/x/sys/unix"
)

// InForeground reports whether this process is in the foreground of the terminal that
// fd is. If fd is not its controlling terminal the answer is yes.
func InForeground(fd uintptr) bool {
	if fd > math.MaxInt32 {
		return false
	}
	group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}
