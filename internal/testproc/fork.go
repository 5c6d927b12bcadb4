//go:build linux

package testproc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Fork makes a child of this one that never executes a program and has copies of all
// descriptors, as multiprocessing in other languages does. It does nothing, and ends
// when it is killed, or by itself after Patience.
func (c *Child) Fork() (pid int) {
	pid, errno := fork(unix.NsecToTimespec(int64(Patience)))
	if errno != 0 {
		c.Fail("fork: %v", errno)
	}
	return pid
}

// fork must not touch the Go runtime in the child, which has one thread only.
//
//go:norace
//go:noinline
func fork(wait unix.Timespec) (int, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return int(pid), errno
	}
	syscall.RawSyscall6(unix.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&wait)), 0, 0, 0)
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}
