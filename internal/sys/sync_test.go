//go:build linux

package sys_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/sys"
)

// Where pages have 64 KiB, no part of a queue but its beginning starts at one.
func TestSyncOfAPartOfAPage(t *testing.T) {
	t.Parallel()
	f, _ := newFile(t)
	const size = 3 * 4096
	require.NoError(t, f.Allocate(size))
	mem, err := f.Map(size, true)
	require.NoError(t, err)
	for _, off := range []int{0, 1, 64, 4096, 4097, size - 8} {
		require.NoError(t, sys.SyncPart(mem, off, 8), off)
	}
	require.NoError(t, sys.Unmap(mem))
}
