package system_test

import (
	"encoding/json"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/inspect"
)

func TestStatTellsWhoHoldsWhat(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 32, SlotSize: 64, Seats: 8})
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("one", "two", "three")
	c.Lease(1)
	c.Do("ack 0")
	c.Lease(1)
	p.Do("reserve 100")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1, 1, 0}, []int{info.Records, info.Claimed, info.Leased, info.Orphans})
	require.True(t, info.Begun)
	require.False(t, info.Finished)
	require.Len(t, info.Participants, 2)
	sender, taker := info.Participants[0], info.Participants[1]
	require.Equal(t, p.PID(), sender.PID)
	require.Equal(t, shmq.Producer, sender.Role)
	require.Equal(t, os.Getuid(), sender.UID)
	require.True(t, sender.Alive)
	require.EqualValues(t, 3, sender.Records)
	require.EqualValues(t, 11, sender.Bytes)
	require.Equal(t, shmq.Consumer, taker.Role)
	require.EqualValues(t, 1, taker.Records)
	require.Equal(t, &inspect.Holding{Claims: 1, Slots: 2, First: 3}, sender.Holds)
	require.Equal(t, &inspect.Holding{Takes: 1, Records: 1, Slots: 1, First: 1}, taker.Holds)
	c.Kill()
	info, err = shmq.Stat(q)
	require.NoError(t, err)
	require.False(t, info.Participants[1].Alive, "dead, and not recovered by a look")
	require.Equal(t, []int{1, 0, 1}, []int{info.Records, info.Leased, info.Orphans}, "dead ones have no leases")
	_, err = json.Marshal(info)
	require.NoError(t, err)
}

func TestStatReadsOnly(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	path, err := shmq.Path(q)
	require.NoError(t, err)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	for range 10 {
		_, err := shmq.Stat(q)
		require.NoError(t, err)
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestListWhileQueuesComeAndGo(t *testing.T) {
	t.Setenv("SHMQ_DIR", t.TempDir())
	require.NoError(t, shmq.Create("b", nil))
	require.NoError(t, shmq.Create("a", nil))
	require.NoError(t, os.WriteFile(shmq.Dir()+"/shmq.text", []byte("hello"), 0o600))
	require.NoError(t, os.WriteFile(shmq.Dir()+"/other", nil, 0o600))
	require.NoError(t, os.WriteFile(shmq.Dir()+"/shmq.", nil, 0o600))
	require.NoError(t, os.WriteFile(shmq.Dir()+"/shmq.\x1b[2Jboo", nil, 0o600), "by a user who wants to be seen")
	require.NoError(t, os.WriteFile(shmq.Dir()+"/shmq...", nil, 0o600))
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 200 {
			if shmq.Create("c", nil) != nil || shmq.Remove("c") != nil {
				t.Error("c can't come and go")
			}
		}
	})
	for range 100 {
		all, err := shmq.List()
		require.NoError(t, err)
		names := []string{}
		for _, e := range all {
			if e.Name != "c" {
				names = append(names, e.Name)
			}
			require.Equal(t, e.Name == "text", e.Err != nil, "%s: %v", e.Name, e.Err)
		}
		require.Equal(t, []string{"a", "b", "text"}, names)
	}
	wg.Wait()
	t.Setenv("SHMQ_DIR", shmq.Dir()+"/none")
	_, err := shmq.List()
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A list of all queues does not allocate the pages of a file that says that it has many slots,
// and was never filled.
func TestListTakesNoMemory(t *testing.T) {
	dir, err := os.MkdirTemp(shmq.Dir(), "sparse-") // in memory, unlike the test's own directory
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	t.Setenv("SHMQ_DIR", dir)
	require.NoError(t, shmq.Create("good", &shmq.Options{Slots: 4096, SlotSize: 64}))
	require.NoError(t, shmq.Create("holes", &shmq.Options{Slots: 4096, SlotSize: 64}))
	path, err := shmq.Path("holes")
	require.NoError(t, err)
	before, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, layout.HeaderSize))
	require.NoError(t, os.Truncate(path, before.Size()))
	if !name.Sparse("holes") {
		t.Skip("holes of files take no memory here: this is no tmpfs")
	}
	for range 2 {
		all, err := shmq.List()
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.NoError(t, all[0].Err)
		require.ErrorIs(t, all[1].Err, shmq.ErrDamaged)
		require.ErrorContains(t, all[1].Err, "holes")
		require.True(t, name.Sparse("holes"), "it still has holes")
	}
	info, err := shmq.Stat("holes")
	require.NoError(t, err, "who asks for it gets it")
	require.Equal(t, 4096, info.Slots)
	require.NoError(t, os.Remove(path))
}
