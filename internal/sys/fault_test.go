//go:build linux && (amd64 || arm64)

package sys_test

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/sys"
)

// cutMapping is a mapping of a file that was cut to keep bytes after it was made.
func cutMapping(t *testing.T, size, keep int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, make([]byte, size), 0o600))
	f, err := sys.Open(path, true, true)
	require.NoError(t, err)
	mem, err := f.Map(size, true)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sys.Unmap(mem)); require.NoError(t, f.Close()) })
	mem[0], mem[size-1] = 7, 7
	require.NoError(t, os.Truncate(path, int64(keep)))
	return mem
}

// look reads a byte, which the compiler would leave out otherwise.
func look(mem []byte, i int) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&mem[i])))
}

// Missing pages read as zeros and can be written; pages that were there are replaced, too.
func TestFaultsAreFilledWithZeros(t *testing.T) {
	t.Parallel()
	mem := cutMapping(t, 1<<16, 4096)
	hit := sys.GuardFaults(mem)
	require.NotNil(t, hit)
	defer sys.UnguardFaults(mem)
	require.EqualValues(t, 7, mem[0])
	require.Zero(t, *hit)
	require.Zero(t, mem[1<<16-1])
	require.EqualValues(t, 1, *hit)
	mem[1<<15] = 9
	require.EqualValues(t, 9, mem[1<<15])
	require.Zero(t, mem[0])
}

// Several threads fault in several mappings at a time.
func TestFaultsOfManyThreads(t *testing.T) {
	t.Parallel()
	for range 20 {
		var mems [8][]byte
		var hits [8]*uint32
		for i := range mems {
			mems[i] = cutMapping(t, 1<<14, 0)
			hits[i] = sys.GuardFaults(mems[i])
		}
		var all sync.WaitGroup
		for i := range 4 * len(mems) {
			all.Go(func() { look(mems[i%len(mems)], 4096*(i%4)) })
		}
		all.Wait()
		for i := range mems {
			require.EqualValues(t, 1, *hits[i])
			sys.UnguardFaults(mems[i])
		}
	}
}

// Faults in other memory are the runtime's, as before.
func TestOtherFaultsGoToTheRuntime(t *testing.T) {
	t.Parallel()
	mine, other := cutMapping(t, 8192, 0), cutMapping(t, 8192, 0)
	hit := sys.GuardFaults(mine)
	defer sys.UnguardFaults(mine)
	fault := func() (got any) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		defer func() { got = recover() }()
		look(other, 4096)
		return nil
	}
	require.NotNil(t, fault())
	require.Zero(t, *hit)
	require.Zero(t, mine[4096])
	require.EqualValues(t, 1, *hit)
	require.NotNil(t, fault())
	sys.UnguardFaults(mine)
}
