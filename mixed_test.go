//go:build linux

package shmq_test

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// copyInPieces copies a queue while it is in use, page by page in any order: what a disk
// may have after a power failure, if nothing was synced after the copy began.
func copyInPieces(t *testing.T, from, to string) {
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

// A copy of pages of different moments has every record that was sent before the first
// and not acknowledged until the last.
func TestMixedImageIsRebuilt(t *testing.T) {
	t.Parallel()
	rounds := 6
	if testproc.Long() {
		rounds = 300
	}
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Seats, o.Checksum = 64, 256, 8, true
		q := testagent.Queue(t, &o)
		l, _ := crew(t, q, o, "none")
		records := 0
		for round := range rounds {
			l.onward(t, 30)
			name := testagent.Name(t)
			m := l.during(func() { copyInPieces(t, q, name) })
			info, err := shmq.Stat(name)
			require.NoError(t, err)
			require.True(t, info.Broken)
			records += m.check(t, name)
			if round == 0 {
				works(t, name)
			}
			require.NoError(t, shmq.Remove(name))
		}
		require.Positive(t, records, "the queue was never empty")
		t.Logf("%d images, %d records", rounds, records)
	})
}
