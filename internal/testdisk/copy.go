//go:build linux

package testdisk

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// CopyInPieces copies a queue while it is in use, page by page in any order: what a disk
// may have after a power failure, if nothing was synced after the copy began.
func CopyInPieces(t testing.TB, from, to string) {
	t.Helper()
	src, err := shmq.Path(from)
	require.NoError(t, err)
	dst, err := shmq.Path(to)
	require.NoError(t, err)
	in, err := os.Open(src)
	require.NoError(t, err)
	defer in.Close()
	info, err := in.Stat()
	require.NoError(t, err)
	image := make([]byte, info.Size())
	for _, page := range rand.Perm(len(image) / 4096) {
		_, err := in.ReadAt(image[page*4096:][:4096], int64(page)*4096)
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(dst, image, 0o600))
}
