//go:build linux

package testproc

import (
	"encoding/binary"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Refuse makes the kernel refuse a system call with errno to every thread of this
// child from now on, as container runtimes do. With a mask only calls whose
// argument arg has one of its bits are refused.
func (c *Child) Refuse(call uintptr, errno syscall.Errno, arg int, mask uint32) {
	test := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K} // goes on either way
	if mask != 0 {
		test = unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, Jf: 1, K: mask}
	}
	c.refuse(call, errno, arg, test)
}

// RefuseValue is Refuse for calls whose argument arg is value.
func (c *Child) RefuseValue(call uintptr, errno syscall.Errno, arg int, value uint32) {
	c.refuse(call, errno, arg, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: value})
}

func (c *Child) refuse(call uintptr, errno syscall.Errno, arg int, test unix.SockFilter) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		c.Fail("the filter below is for little-endian machines")
	}
	const (
		load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret     = unix.BPF_RET | unix.BPF_K
		offNr   = 0
		offArgs = 16
	)
	filter := []unix.SockFilter{
		{Code: load, K: offNr},
		{Code: equal, Jf: 3, K: uint32(call)},
		{Code: load, K: uint32(offArgs + 8*arg)},
		test,
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.Check(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if e != 0 {
		c.Fail("seccomp: %v", e)
	}
}
