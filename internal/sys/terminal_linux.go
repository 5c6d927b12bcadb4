package sys

import (
	"math"

	"golang.org/x/sys/unix"
)

// TerminalColumns returns how wide the terminal is that fd is, 0 if it is none. A
// terminal that does not know its width has 80.
func TerminalColumns(fd uintptr) int {
	if fd > math.MaxInt32 {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ)
	switch {
	case err != nil:
		return 0
	case size.Col == 0:
		return 80
	}
	return int(size.Col)
}

// InForeground reports whether this process is in the foreground of the terminal that
// fd is. If fd is not its controlling terminal the answer is yes.
func InForeground(fd uintptr) bool {
	if fd > math.MaxInt32 {
		return false
	}
	group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}
