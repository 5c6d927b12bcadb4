//go:build linux

package crew

import (
	"runtime"
	"testing"

	"github.com/shmq/shmq/internal/testproc"
)

// The workers are built once for all that they take part in.
func TestCrew(t *testing.T) {
	if testproc.Race && !testproc.Long() {
		t.Skip("four of five languages have no race detector, and the fifth has its own tests; SHMQ_LONG=1 plays it all the same")
	}
	crew := languages(t)
	runtime.LockOSThread() // children die with the thread that started them
	defer runtime.UnlockOSThread()
	t.Run("ring", func(t *testing.T) { lock(t); testRing(t, crew) })
	t.Run("storm", func(t *testing.T) { lock(t); testStorm(t, crew) })
}

// lock is for subtests, each of which has a goroutine of its own.
func lock(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}
