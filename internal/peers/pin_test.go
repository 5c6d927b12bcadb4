//go:build linux

package peers

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pinning is where the two ends of a peer run.
type pinning string

const (
	// pinThreads keeps the goroutine that measures, at either end, on a core of its own.
	// Other threads of its process run anywhere.
	pinThreads pinning = "threads"
	// pinProcesses keeps either process, with all its threads, on a core of its own.
	pinProcesses pinning = "processes"
	// pinNothing leaves it to the kernel.
	pinNothing pinning = "free"
)

// allCores are the cores that this process may use.
var allCores = func() (set unix.CPUSet) {
	_ = unix.SchedGetaffinity(0, &set) // empty: then no process is pinned
	return set
}()

// pin keeps the caller's thread on the n-th of the cores, if there are as many.
func pin(n int) {
	runtime.LockOSThread()
	for cpu := range 8 * int(unsafe.Sizeof(allCores)) {
		if !allCores.IsSet(cpu) {
			continue
		}
		if n == 0 {
			var set unix.CPUSet
			set.Set(cpu)
			_ = unix.SchedSetaffinity(0, &set) // refused: it is only less exact
			return
		}
		n--
	}
}

func unpin() {
	_ = unix.SchedSetaffinity(0, &allCores)
	runtime.UnlockOSThread()
}

// startingOn calls start, whose children inherit the n-th core if processes are pinned.
func (p pinning) startingOn(n int, start func()) {
	if p == pinProcesses {
		pin(n)
		defer unpin()
	}
	start()
}

// pinEnd is called by the end that runs on the n-th core.
func (p pinning) pinEnd(n int) {
	if p == pinThreads {
		pin(n)
	}
}

func TestPinnedProcessesHaveACoreEach(t *testing.T) {
	if allCores.Count() < 2 {
		t.Skip("one core")
	}
	var seen [2]unix.CPUSet
	for n := range seen {
		pinProcesses.startingOn(n, func() { require.NoError(t, unix.SchedGetaffinity(0, &seen[n])) })
		require.Equal(t, 1, seen[n].Count())
	}
	require.NotEqual(t, seen[0], seen[1])
	var after unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &after))
	require.Equal(t, allCores, after)
}
