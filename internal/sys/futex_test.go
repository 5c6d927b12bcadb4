package sys_test

import (
	"os"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
)

func TestWaitOnOtherValueReturnsAtOnce(t *testing.T) {
	t.Parallel()
	word := new(uint32)
	*word = 7
	start := time.Now()
	require.NoError(t, sys.Wait(word, 8, time.Minute))
	own := new(uint32)
	if sys.CanWaitTwo() {
		require.NoError(t, sys.WaitTwo(word, 8, own, time.Minute))
		*own = 1
		require.NoError(t, sys.WaitTwo(word, 7, own, time.Minute))
	}
	require.Less(t, time.Since(start), 30*time.Second)
}

func TestWaitEndsByItself(t *testing.T) {
	t.Parallel()
	word, own := new(uint32), new(uint32)
	start := time.Now()
	// A signal may end one earlier, so nothing is said about the least time.
	require.NoError(t, sys.Wait(word, 0, 20*time.Millisecond))
	if sys.CanWaitTwo() {
		require.NoError(t, sys.WaitTwo(word, 0, own, 20*time.Millisecond))
	}
	require.Less(t, time.Since(start), 10*time.Second)
}

func TestWakeCountsWhoWasWoken(t *testing.T) {
	t.Parallel()
	f, _ := newFile(t)
	mem, err := f.Map(4096, true)
	require.NoError(t, err)
	defer func() { require.NoError(t, sys.Unmap(mem)) }()
	other, err := f.Map(4096, true) // another address of the same word, as in another process
	require.NoError(t, err)
	defer func() { require.NoError(t, sys.Unmap(other)) }()
	word, alias := (*uint32)(unsafe.Pointer(&mem[64])), (*uint32)(unsafe.Pointer(&other[64]))
	n, err := sys.Wake(word, 1)
	require.NoError(t, err)
	require.Zero(t, n)
	const sleepers = 3
	done := make(chan error, sleepers)
	for range sleepers {
		go func() {
			for atomic.LoadUint32(alias) == 0 { // a signal may end a wait early
				if err := sys.Wait(alias, 0, time.Minute); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	woken := 0
	testproc.Until(t, func() bool {
		n, err := sys.Wake(word, 1)
		require.NoError(t, err)
		require.LessOrEqual(t, n, 1)
		woken += n
		return woken >= sleepers
	})
	atomic.StoreUint32(word, 1)
	_, err = sys.WakeAll(word)
	require.NoError(t, err)
	for range sleepers {
		require.NoError(t, <-done)
	}
}

func TestStartTimeTellsProcessesApart(t *testing.T) {
	t.Parallel()
	require.NotZero(t, sys.StartTime())
	require.Equal(t, sys.StartTime(), sys.StartTime())
	require.NotZero(t, sys.BootID())
	require.NotZero(t, os.Getpid())
}
