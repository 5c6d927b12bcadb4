//go:build linux

package top

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
)

func lookAt(t *testing.T, c *collector, closer bool) look {
	t.Helper()
	looks, err := c.look(func(string) bool { return closer })
	require.NoError(t, err)
	require.Len(t, looks, 1)
	require.NoError(t, looks[0].err)
	return looks[0]
}

func TestWalksAreRare(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 4})
	p, taker := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b", "c")
	taker.Lease(1)
	c := newCollector([]string{q, q})
	defer c.close()
	l := lookAt(t, c, false)
	require.Equal(t, []int{2, 0, 0}, []int{l.info.Depth, l.info.Records, l.info.Leased}, "a glance")
	require.Nil(t, l.flow)
	require.True(t, l.walked.IsZero())

	c.walk(&l)
	require.Equal(t, []int{2, 1}, []int{l.info.Records, l.info.Leased})
	require.False(t, l.walked.IsZero())
	w := c.queues[q]
	w.took = time.Hour // as if the slots were many
	p.Sends("d")
	now := lookAt(t, c, true)
	require.Equal(t, l.walked, now.walked)
	require.Equal(t, []int{3, 2, 1}, []int{now.info.Depth, now.info.Records, now.info.Leased}, "what the walk told")
	require.NotNil(t, now.info.Participants[1].Holds)
	require.NotNil(t, now.flow)
	require.Positive(t, now.flow.Sent.Records)
	taker.Do("ack 0")
	require.Nil(t, lookAt(t, c, true).info.Participants[1].Holds, "it has said that it holds nothing")
	w.took = 0
	require.Equal(t, 3, lookAt(t, c, true).info.Records)
}

func TestLookAtAQueueThatWasReplaced(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	c := newCollector([]string{q})
	defer c.close()
	id := lookAt(t, c, false).info.CreationID
	require.NotNil(t, lookAt(t, c, false).flow)
	require.NoError(t, shmq.Remove(q))
	looks, err := c.look(func(string) bool { return true })
	require.NoError(t, err)
	require.Error(t, looks[0].err)
	require.Empty(t, c.queues)
	require.NoError(t, shmq.Create(q, nil))
	l := lookAt(t, c, false)
	require.NotEqual(t, id, l.info.CreationID)
	require.Nil(t, l.flow, "nothing to compare it with")
}
