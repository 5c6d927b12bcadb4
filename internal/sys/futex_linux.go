package sys

import (
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	futexWait   = 0 // shared between processes: no FUTEX_PRIVATE_FLAG
	futexWake   = 1
	futex32     = 2   // futex_waitv: a 32-bit word
	futexShared = 0   // futex_waitv: no private flag
	futexOwn    = 128 // FUTEX_PRIVATE_FLAG
)

// Wait sleeps while *word is val, at most d, and may return early at any time: the
// caller looks again. A system call of this kind lets the Go scheduler hand the
// thread's processor to others.
func Wait(word *uint32, val uint32, d time.Duration) error {
	ts := unix.NsecToTimespec(int64(d))
	_, _, e := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(val), uintptr(unsafe.Pointer(&ts)), 0, 0)
	return woken(e)
}

// Wake wakes up to n sleepers, in any process, and returns how many it woke.
func Wake(word *uint32, n int) (int, error) {
	r, _, e := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, uintptr(n), 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(r), nil
}

// WakeAll wakes every sleeper.
func WakeAll(word *uint32) (int, error) { return Wake(word, math.MaxInt32) }

// waiter is the kernel's struct futex_waitv.
type waiter struct {
	val   uint64
	addr  uint64
	flags uint32
	_     uint32
}

// timespec64 is the kernel's struct __kernel_timespec, the same on every system.
type timespec64 struct{ sec, nsec int64 }

var noWaitv atomic.Bool

// CanWaitTwo reports whether WaitTwo, and Words.Wait, may work. Kernels before 5.16 and some
// seccomp filters refuse; the first refusal settles it for the process.
func CanWaitTwo() bool { return !noWaitv.Load() }

// WaitTwo sleeps while *word is val and *own, a word of this process, is 0, at
// most d. It fails with ENOSYS, EPERM or EACCES where the kernel refuses.
func WaitTwo(word *uint32, val uint32, own *uint32, d time.Duration) error {
	ws := [2]waiter{
		{val: uint64(val), addr: uint64(uintptr(unsafe.Pointer(word))), flags: futex32 | futexShared},
		{val: 0, addr: uint64(uintptr(unsafe.Pointer(own))), flags: futex32 | futexOwn},
	}
	err := waitv(&ws[0], 2, d)
	runtime.KeepAlive(own)
	return err
}

// MaxWords is how many words a thread can wait for at a time: FUTEX_WAITV_MAX.
const MaxWords = 128

// Words are words that a thread waits for together. It is for one goroutine at a time.
type Words struct {
	list [MaxWords]waiter
	n    int
	own  *uint32
}

// Reset begins a new list with own, a word of this process that is waited for while it is 0.
func (ws *Words) Reset(own *uint32) {
	ws.list[0] = waiter{val: 0, addr: uint64(uintptr(unsafe.Pointer(own))), flags: futex32 | futexOwn}
	ws.n, ws.own = 1, own
}

// Add adds a word that is waited for while it is val.
//
// Preconditions: there are fewer than MaxWords, and the memory of word does not move.
func (ws *Words) Add(word *uint32, val uint32) {
	ws.list[ws.n] = waiter{val: uint64(val), addr: uint64(uintptr(unsafe.Pointer(word))), flags: futex32 | futexShared}
	ws.n++
}

// Wait sleeps while all words are what they were added with, at most d. Errors: as WaitTwo.
func (ws *Words) Wait(d time.Duration) error {
	err := waitv(&ws.list[0], ws.n, d)
	runtime.KeepAlive(ws.own)
	return err
}

// waitv is futex_waitv. A refusal settles it for the process.
func waitv(first *waiter, n int, d time.Duration) error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return err
	}
	at := now.Nano() + int64(d)
	ts := timespec64{at / 1e9, at % 1e9}
	_, _, e := unix.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(first)), uintptr(n), 0, uintptr(unsafe.Pointer(&ts)), unix.CLOCK_MONOTONIC, 0)
	if e == unix.ENOSYS || e == unix.EPERM || e == unix.EACCES || e == unix.EINVAL {
		noWaitv.Store(true)
		return e
	}
	return woken(e)
}

// WakeOwn wakes the sleeper on a word of this process.
func WakeOwn(own *uint32) error {
	_, _, e := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(own)), futexWake|futexOwn, 1, 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// Yield lets another process have the core.
func Yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) } // it always succeeds

// woken maps the ways in which a wait ends that all mean: look again.
func woken(e unix.Errno) error {
	switch e {
	case 0, unix.EAGAIN, unix.EINTR, unix.ETIMEDOUT:
		return nil
	}
	return refused(fmt.Errorf("futex: %w", e), "let the sandbox allow it, or wait by spinning")
}
