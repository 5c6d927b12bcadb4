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
	c.filter(call, arg, test, unix.SECCOMP_RET_ERRNO|uint32(errno), unix.SECCOMP_FILTER_FLAG_TSYNC)
}

// filter has calls that pass the test answered as it says, in all threads.
func (c *Child) filter(call uintptr, arg int, test unix.SockFilter, answer uint32, flags uintptr) (listener int) {
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
		{Code: ret, K: answer},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.Check(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	fd, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if e != 0 {
		c.Fail("seccomp: %v", e)
	}
	return int(fd)
}

// notification is the kernel's struct seccomp_notif, response its seccomp_notif_resp.
type notification struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

// answer fills in the buffer of a call of fstatfs, for which a thread of this process
// waits in the kernel; the race detector can't know that.
//
//go:norace
func (n *notification) answer(magic int64) {
	st := *(**unix.Statfs_t)(unsafe.Pointer(&n.args[1]))
	*st = unix.Statfs_t{}
	switch typ := any(&st.Type).(type) { // its width depends on the system
	case *int64:
		*typ = magic
	case *int32:
		*typ = int32(magic)
	}
}

type response struct {
	id    uint64
	val   int64
	error int32
	flags uint32
}

// PretendFilesystem makes fstatfs say, from now on, that each file is on a filesystem of
// that type.
func (c *Child) PretendFilesystem(magic int64) {
	const userNotif = 0x7fc00000 // SECCOMP_RET_USER_NOTIF
	goesOn := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K}
	fd := c.filter(unix.SYS_FSTATFS, 0, goesOn, userNotif,
		unix.SECCOMP_FILTER_FLAG_TSYNC|unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH|unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	go func() {
		for {
			var n notification
			if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); e == unix.EINTR {
				continue
			} else if e != 0 {
				c.Fail("seccomp: %v", e)
			}
			n.answer(magic)
			r := response{id: n.id}
			if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r))); e != 0 {
				c.Fail("seccomp: %v", e)
			}
		}
	}()
}
