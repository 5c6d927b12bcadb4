//go:build linux

package watch

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
)

func lookAt(t *testing.T, c *Collector, closer bool) Look {
	t.Helper()
	looks, err := c.Look(func(string) bool { return closer })
	require.NoError(t, err)
	require.Len(t, looks, 1)
	require.NoError(t, looks[0].Err)
	return looks[0]
}

func TestWalksAreRare(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 4})
	p, taker := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b", "c")
	taker.Lease(1)
	c := New([]string{q, q})
	defer c.Close()
	l := lookAt(t, c, false)
	require.Equal(t, []int{2, 0, 0}, []int{l.Info.Depth, l.Info.Records, l.Info.Leased}, "a glance")
	require.Nil(t, l.Flow)
	require.True(t, l.Walked.IsZero())

	c.Walk(&l)
	require.Equal(t, []int{2, 1}, []int{l.Info.Records, l.Info.Leased})
	require.False(t, l.Walked.IsZero())
	w := c.queues[q]
	w.took = time.Hour // as if the slots were many
	p.Sends("d")
	now := lookAt(t, c, true)
	require.Equal(t, l.Walked, now.Walked)
	require.Equal(t, []int{3, 2, 1}, []int{now.Info.Depth, now.Info.Records, now.Info.Leased}, "what the walk told")
	require.NotNil(t, now.Info.Participants[1].Holds)
	require.NotNil(t, now.Flow)
	require.Positive(t, now.Flow.Sent.Records)
	taker.Do("ack 0")
	require.Nil(t, lookAt(t, c, true).Info.Participants[1].Holds, "it has said that it holds nothing")
	w.took = 0
	require.Equal(t, 3, lookAt(t, c, true).Info.Records)
}

func TestLookAtAQueueThatWasReplaced(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	c := New([]string{q})
	defer c.Close()
	id := lookAt(t, c, false).Info.CreationID
	require.NotNil(t, lookAt(t, c, false).Flow)
	require.NoError(t, shmq.Remove(q))
	looks, err := c.Look(func(string) bool { return true })
	require.NoError(t, err)
	require.Error(t, looks[0].Err)
	require.Empty(t, c.queues)
	require.NoError(t, shmq.Create(q, nil))
	l := lookAt(t, c, false)
	require.NotEqual(t, id, l.Info.CreationID)
	require.Nil(t, l.Flow, "nothing to compare it with")
}

// A file that says that it has many slots, and has no pages, is looked at as little as can be.
func TestNoWalkTakesMemory(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 4096, SlotSize: 64})
	path := testagent.Path(t, q)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, layout.HeaderSize))
	require.NoError(t, os.Truncate(path, int64(len(whole))))
	if !name.Sparse(q) {
		t.Skip("holes of files take no memory here: this is no tmpfs")
	}
	c := New([]string{q})
	defer c.Close()
	require.True(t, lookAt(t, c, false).Walked.IsZero())
	require.True(t, lookAt(t, c, false).Walked.IsZero())
	require.True(t, name.Sparse(q), "it still has holes")
	require.False(t, lookAt(t, c, true).Walked.IsZero(), "who asks for it gets it")
}

// Each look asks anew how the processes are, and so does a walk that comes after it.
func TestEachLookAsksAboutProcesses(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	p := testagent.Producer(t, q)
	c := New([]string{q})
	defer c.Close()
	l := lookAt(t, c, false)
	require.False(t, l.Info.Participants[0].Stopped)
	c.queues[q].took = 0
	p.Stop()
	c.Walk(&l)
	require.True(t, l.Info.Participants[0].Stopped)
	p.Continue()
	require.False(t, lookAt(t, c, false).Info.Participants[0].Stopped)
}
