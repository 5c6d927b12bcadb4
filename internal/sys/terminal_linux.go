package sys

import (
	"math"

	"golang.org/x/sys/unix"
)

// NullForBoth reports whether fd is /dev/null, opened for reading and writing.
func NullForBoth(fd uintptr) bool {
	if fd > math.MaxInt32 {
		return false
	}
	var st unix.Stat_t
	if unix.Fstat(int(fd), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Major(uint64(st.Rdev)) != 1 || unix.Minor(uint64(st.Rdev)) != 3 {
		return false
	}
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
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
