package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
)

// A file, or a segment, that has one page and says that it has many slots does not make the
// exporter allocate them.
func TestSparseQueuesTakeNoMemory(t *testing.T) {
	base := "/dev/shm"
	dir, err := os.MkdirTemp(base, "shmq-test-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	t.Setenv("SHMQ_DIR", dir)
	create(t, filepath.Join(dir, "shmq.good"), 3)
	require.NoError(t, shmq.Create("bad", &shmq.Options{Slots: 4096, SlotSize: 64, Seats: 8}))
	bad := filepath.Join(dir, "shmq.bad")
	image, err := os.ReadFile(bad)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(bad, layout.HeaderSize))
	require.NoError(t, os.Truncate(bad, int64(len(image))))
	if !name.Sparse("bad") {
		t.Skip("holes of files take no memory here: this is no tmpfs")
	}
	require.False(t, name.Sparse("good"))
	blocks := func() int64 {
		var st syscall.Stat_t
		require.NoError(t, syscall.Stat(bad, &st))
		return st.Blocks
	}
	before := blocks()

	segment := testagent.KeyName(testagent.FreeKey(t))
	require.NoError(t, shmq.Create(segment, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}))
	require.False(t, name.Sparse(segment))
	// The hostile segment takes the place of one that shmq made.
	key := testagent.FreeKey(t)
	hostile := testagent.KeyName(key)
	require.NoError(t, shmq.Create(hostile, &shmq.Options{Slots: 4096, SlotSize: 64, Seats: 8}))
	id, err := sys.FindSegment(key)
	require.NoError(t, err)
	require.NoError(t, sys.RemoveSegment(id))
	testagent.ForeignSegment(t, key, int64(len(image)), 0o600)
	require.True(t, name.Sparse(hostile))

	e := start(t)
	for range 2 {
		m := e.scrape()
		require.EqualValues(t, 3, m.of(t, "shmq_records_waiting", "good"))
		require.EqualValues(t, 1, m.of(t, "shmq_up", segment))
		for _, q := range []string{"bad", hostile} {
			require.EqualValues(t, 0, m.of(t, "shmq_up", q))
			require.EqualValues(t, 1, m[fmt.Sprintf("shmq_queue_error{queue=%q,reason=\"sparse\"}", q)], e.said())
		}
		require.Equal(t, before, blocks())
		require.True(t, name.Sparse(hostile))
	}
	require.NoError(t, shmq.ForceRemove(segment))
}
