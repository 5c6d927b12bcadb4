//go:build linux && shmqstep

package storm

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
)

// maxWait is longer here: a participant that is to recover often dies of it, and each death costs
// another heartbeat.
const maxWait = 3 * time.Second

// tempted lets the process stop itself, and kill itself in the end, right before it
// changes a shared word: for the others, a death between two changes is the same as
// before the second. Signals from outside hardly ever come in between two that belong
// together; these always do.
func (p *part) tempted() {
	life := 1 + p.random.IntN(10_000)
	if p.random.IntN(4) == 0 {
		life = 1 + p.random.IntN(50) // it attaches, and recovers
	}
	stop := 1 + p.random.IntN(10_000)
	atomics.SetHook(func(_ unsafe.Pointer, op atomics.Op) {
		if op == atomics.OpLoad {
			return
		}
		if life--; life == 0 {
			p.journal.gone.Store(now())
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		if stop--; stop == 0 {
			stop = 1 + p.random.IntN(10_000)
			p.journal.standing.Store(now())
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		}
		if p.ctx.Err() != nil {
			atomics.SetHook(nil) // the storm is over
		}
	})
}
