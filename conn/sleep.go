package conn

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq/conn/internal/shared"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
)

// A call that waits spins, then dozes, then sleeps. To doze takes a thread, and wakes up in
// half the time; so only some calls of a process may at once, and not for long. To sleep
// takes nothing but the goroutine, whose wake-up comes over the socket: a thousand idle
// connections have no thread, and cost no time.
const (
	doze      = 10 * time.Millisecond
	maxDozers = 16
	// glance is how many rounds a call spins, a microsecond or two, before it does anything
	// that takes time.
	glance = 48
)

var dozers atomic.Int32

// sleep waits until ready returns true, something comes over the half, or it may be
// worth while to look again.
func (h *half) sleep(bell shared.Bell, ready func() bool) {
	look := func(int) bool { return atomic.LoadUint32(&h.events) != 0 || ready() }
	if h.policy != park.Park {
		for range glance {
			atomics.Pause(1)
			if look(0) {
				return
			}
		}
	}
	// Goroutines that wait for this processor, often one that the last call has set going, go
	// first: neither a spinning one nor a thread in a futex gives them way. The runtime wakes
	// a thread for that, so whoever is answered at once does without.
	runtime.Gosched()
	if h.spinner.Spin(context.Background(), look) {
		return
	}
	defer bell.Up()
	if h.doze(bell, look) {
		return
	}
	if !look(0) {
		<-h.wake
	}
}

// doze returns false if the caller has to sleep, which the bell says then.
func (h *half) doze(bell shared.Bell, look func(int) bool) bool {
	defer dozers.Add(-1)
	if dozers.Add(1) > maxDozers || h.alone || !sys.CanWaitTwo() {
		bell.Sleep()
		return false
	}
	runtime.Gosched() // once more: those that went first have set others going
	h.dozes.Store(true)
	defer h.dozes.Store(false)
	bell.Doze()
	if look(0) {
		return true
	}
	bell.Wait(&h.events, doze)
	return !bell.Deeper()
}
