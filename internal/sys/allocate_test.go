package sys_test

import (
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/sys"
)

// A profiler's signals arrive every few milliseconds, and the tmpfs of older kernels
// undoes what a signal interrupts.
func TestAllocateEndsUnderSignals(t *testing.T) {
	dir := os.Getenv("SHMQ_DIR")
	f, err := sys.CreateTemp(dir+"/big", 0o600)
	require.NoError(t, err)
	defer f.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, tid := os.Getpid(), unix.Gettid()
	var done atomic.Bool
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for end := time.Now().Add(10 * time.Second); !done.Load() && time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
			_ = unix.Tgkill(pid, tid, syscall.SIGURG)
		}
	}()
	start := time.Now()
	require.NoError(t, f.Allocate(96<<20))
	done.Store(true)
	took := time.Since(start)
	<-stopped
	require.Less(t, took, 9*time.Second, "only when the signals stopped was it done")
	size, _, _, err := f.Stat()
	require.NoError(t, err)
	require.EqualValues(t, 96<<20, size)
	t.Logf("96 MiB in %v", took)
}
