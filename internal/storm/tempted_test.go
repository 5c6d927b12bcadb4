//go:build linux && shmqstep

package storm

import (
	"os"
	"syscall"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
)

// tempted lets the process stop itself, and kill itself in the end, right before one
// of its accesses to shared memory. Signals from outside hardly ever come in between
// two that belong together; these always do.
func (p *part) tempted() {
	life := 1 + p.random.IntN(200_000)
	if p.random.IntN(4) == 0 {
		life = 1 + p.random.IntN(200) // it attaches, and recovers
	}
	stop := 1 + p.random.IntN(100_000)
	atomics.SetHook(func(unsafe.Pointer, atomics.Op) {
		if life--; life == 0 {
			p.journal.gone.Store(now())
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		if stop--; stop == 0 {
			stop = 1 + p.random.IntN(100_000)
			p.journal.standing.Store(now())
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		}
		if p.ctx.Err() != nil {
			atomics.SetHook(nil) // the storm is over
		}
	})
}
