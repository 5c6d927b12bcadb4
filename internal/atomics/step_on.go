//go:build shmqstep

package atomics

import (
	"sync/atomic"
	"unsafe"
)

// Hook, when set, is called before each shared memory operation, on the
// goroutine that performs it. It may block: that is how a test schedules.
var hook atomic.Pointer[func(unsafe.Pointer, Op)]

// SetHook installs f, or removes the hook when f is nil.
func SetHook(f func(addr unsafe.Pointer, op Op)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}

func step[T uint32 | uint64](p *T, op Op) {
	if f := hook.Load(); f != nil {
		(*f)(unsafe.Pointer(p), op)
	}
}
