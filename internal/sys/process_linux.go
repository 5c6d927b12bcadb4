package sys

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// MonotonicMillis is CLOCK_MONOTONIC, which all processes of a boot share.
func MonotonicMillis() uint64 { return uint64(MonotonicNanos() / 1e6) }

// MonotonicNanos is MonotonicMillis in nanoseconds.
func MonotonicNanos() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}

// BootID returns the kernel's id of this boot, or zeros where /proc is missing.
func BootID() [16]byte {
	if known := bootID.Load(); known != nil {
		return *known
	}
	id := readBootID()
	if id != [16]byte{} {
		bootID.Store(&id)
	}
	return id
}

var bootID atomic.Pointer[[16]byte] // once it was read

func readBootID() (id [16]byte) {
	b, err := readFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id
	}
	h, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(b)), "-", ""))
	if err == nil {
		copy(id[:], h)
	}
	return id
}

// StartTime returns when this process started, in clock ticks since boot, or 0
// where /proc is missing. With the pid it names a process for good.
func StartTime() uint64 {
	pid := os.Getpid()
	if known := startTime.Load(); known != nil && known.pid == pid {
		return known.start
	}
	_, start := processStat("/proc/self")
	if start != 0 {
		startTime.Store(&started{pid, start})
	}
	return start
}

// started is when a process started; a forked child, which has a copy of its parent's
// memory, is another one.
type started struct {
	pid   int
	start uint64
}

var startTime atomic.Pointer[started] // once it was read

// processStat returns the state and the start time of a process or thread, whose directory
// in /proc is dir, or zeros.
func processStat(dir string) (state byte, start uint64) {
	b, err := readFile(dir + "/stat")
	if err != nil {
		return 0, 0
	}
	// The command name, in parentheses, may hold anything; fields follow it.
	i := bytes.LastIndexByte(b, ')')
	fields := bytes.Fields(b[i+1:])
	if i < 0 || len(fields) < 20 {
		return 0, 0
	}
	n, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return 0, 0
	}
	return fields[0][0], n
}

// IsFault reports whether err says that a system call was given memory that is not there.
func IsFault(err error) bool { return errors.Is(err, unix.EFAULT) }

// IsNoSpace reports whether err says that the filesystem is full.
func IsNoSpace(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// IsOverQuota reports whether err says that a quota is used up.
func IsOverQuota(err error) bool { return errors.Is(err, unix.EDQUOT) }

// IsReadOnly reports whether err says that the filesystem is mounted for reading only.
func IsReadOnly(err error) bool { return errors.Is(err, unix.EROFS) }

// IsSymlink reports whether err says that a symbolic link was in the way.
func IsSymlink(err error) bool { return errors.Is(err, unix.ELOOP) }

// IsNotRegular reports whether err is one that opening a directory, a socket or a
// device for reading and writing gives.
func IsNotRegular(err error) bool {
	return errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV)
}
