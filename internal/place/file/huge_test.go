//go:build linux

package file_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// inMemory gives the test a directory of its own in memory: a disk has no huge pages.
func inMemory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "shmq-huge-") // none that other runs clear away
	if err != nil {
		t.Skip("no memory filesystem: ", err)
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	t.Setenv("SHMQ_DIR", dir)
}

func TestHugePagesAndPrefault(t *testing.T) {
	inMemory(t)
	o := shmq.Options{Slots: 4096, SlotSize: 1024, HugePages: true}
	if err := shmq.Create("huge", &o); err != nil {
		require.ErrorContains(t, err, "make the queue without them")
		t.Skip("the kernel has no huge pages for us: ", err)
	}
	p, err := producer.OpenRaw("huge", &producer.Options{NoCreate: true, Prefault: true})
	require.NoError(t, err)
	path, err := shmq.Path("huge")
	require.NoError(t, err)
	require.Equal(t, 4096, testproc.Smaps(t, path, "ShmemPmdMapped"), "of a file of 4.3 MB two huge pages are whole")
	require.GreaterOrEqual(t, testproc.Smaps(t, path, "Rss"), 4*1024+256)
	c, err := consumer.OpenRaw("huge", nil)
	require.NoError(t, err)
	big := make([]byte, p.MaxRecord())
	for i := range big {
		big[i] = byte(i * 7)
	}
	for range 5 {
		require.NoError(t, p.TrySend(big))
		got, err := c.TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, big, got)
	}
	require.NoError(t, p.Close())
	require.NoError(t, c.Close())
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	require.NotContains(t, string(maps), path, "all is unmapped")
}

func TestHugePagesAreRefusedForASmallQueue(t *testing.T) {
	inMemory(t)
	err := shmq.Create("small", &shmq.Options{Slots: 16, SlotSize: 64, HugePages: true})
	require.ErrorContains(t, err, `"small"`)
	require.ErrorContains(t, err, "make the queue without them")
	_, err = shmq.Stat("small")
	require.ErrorIs(t, err, os.ErrNotExist, "nothing is left")
}
