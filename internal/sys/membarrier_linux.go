package sys

import (
	"sync"

	"golang.org/x/sys/unix"
)

const (
	membarrierGlobalExpedited          = 1 << 1
	membarrierRegisterGlobalExpedited  = 1 << 2
	membarrierPrivateExpedited         = 1 << 3
	membarrierRegisterPrivateExpedited = 1 << 4
)

// RegisterBarrier makes this process one whose running threads execute a full
// barrier whenever any process calls Barrier. The result is the same for every
// call; an error means that this process has to fence by itself.
var RegisterBarrier = sync.OnceValue(func() error { return membarrier(membarrierRegisterGlobalExpedited) })

// Barrier makes every running thread of every registered process execute a full
// memory barrier before it returns.
func Barrier() error { return membarrier(membarrierGlobalExpedited) }

// BarrierOwn makes every running thread of this process execute a full memory barrier
// before it returns.
func BarrierOwn() error {
	if err := registerBarrierOwn(); err != nil {
		return err
	}
	return membarrier(membarrierPrivateExpedited)
}

var registerBarrierOwn = sync.OnceValue(func() error { return membarrier(membarrierRegisterPrivateExpedited) })

func membarrier(cmd uintptr) error {
	if _, _, e := unix.Syscall(unix.SYS_MEMBARRIER, cmd, 0, 0); e != 0 {
		return e
	}
	return nil
}
