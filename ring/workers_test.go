//go:build linux

package ring_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// worker is a goroutine whose progress others can see: a dump of all stacks does not tell
// a loop without an end from a goroutine that an emulator does not run.
type worker struct {
	name  string
	calls atomic.Uint64 // odd while a call is under way
	ended chan struct{}
}

// start runs f in a goroutine of its own.
func start(name string, f func(*worker)) *worker {
	w := &worker{name: name, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		f(w)
	}()
	return w
}

// call runs f, a call that has to end.
func (w *worker) call(f func()) {
	w.calls.Add(1)
	f()
	w.calls.Add(1)
}

const (
	workerTick     = time.Second
	workerPatience = 60 // ticks without any progress
)

// awaitWorkers waits for the end of all workers, after they were told to stop. A worker
// that is inside the same call for a minute ends the test binary, with the worker's name and
// all stacks.
func awaitWorkers(all []*worker) {
	tick := time.NewTicker(workerTick)
	defer tick.Stop()
	seen, still := make([]uint64, len(all)), make([]int, len(all))
	for i := 0; i < len(all); {
		select {
		case <-all[i].ended:
			i++
		case <-tick.C:
			if stuck := stuckWorkers(all[i:], seen[i:], still[i:]); stuck != "" {
				panic(stuck)
			}
		}
	}
}

// stuckWorkers counts a tick and names the workers whose call has not ended for long.
func stuckWorkers(all []*worker, seen []uint64, still []int) string {
	var stuck []string
	for i, w := range all {
		now := w.calls.Load()
		if now != seen[i] || now%2 == 0 {
			seen[i], still[i] = now, 0
			continue
		}
		if still[i]++; still[i] >= workerPatience {
			stuck = append(stuck, fmt.Sprintf("call %d of %s did not end", now/2, w.name))
		}
	}
	return strings.Join(stuck, "; ")
}
