//go:build linux

package sysv_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// ipcrm takes a segment from its key, not from those that have it.
func TestSegmentRemovedUnderItsParticipants(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &testagent.Shared)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	mine := testagent.Attach(t, q, shmq.Consumer)
	w, err := shmq.Watch(q)
	require.NoError(t, err)
	p.Sends("a", "b")
	id := segmentOf(t, key).ID
	require.False(t, w.Removed())
	require.NoError(t, sys.RemoveSegment(id))
	require.True(t, w.Removed())
	info, err := w.Stat()
	require.NoError(t, err)
	require.Len(t, info.Participants, 3)
	require.NoError(t, w.Close())

	require.Equal(t, testagent.Fresh("a"), c.Lease(1), "records that are there are delivered")
	require.Equal(t, testagent.Fresh("b"), c.Lease(1))
	testproc.Until(t, func() bool { // producers see it within a heartbeat
		p.Say("send c")
		return strings.HasPrefix(p.Line(), "err removed ")
	})
	gone := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, shmq.ErrRemoved)
		require.ErrorContains(t, err, "shmq rm "+q)
		require.ErrorContains(t, err, "ipcrm")
	}
	_, err = attach.To(q, shmq.Producer, nil)
	gone(err)
	_, err = shmq.Stat(q)
	gone(err)
	gone(shmq.Create(q, nil))
	require.ErrorIs(t, shmq.Remove(q), shmq.ErrInUse)
	// Another one of the same key is another's.
	other := testagent.ForeignSegment(t, key, 4096, 0o600)
	_, err = attach.To(q, shmq.Producer, nil)
	gone(err)

	p.Do("close")
	c.Kill()
	require.ErrorIs(t, shmq.Remove(q), shmq.ErrInUse)
	require.NoError(t, mine.Detach())
	require.NoError(t, shmq.Remove(q))
	_, err = sys.StatSegment(id)
	require.ErrorIs(t, err, fs.ErrNotExist, "it went with the last of them")
	require.Zero(t, attachments(t, other), "that one stays")
	require.NoError(t, sys.RemoveSegment(other))
	require.NoError(t, shmq.Create(q, nil))
}

func TestSegmentForcedRemoveLeavesThoseAttachedAlone(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &testagent.Shared)
	old := segmentOf(t, key).ID
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a")
	require.NoError(t, shmq.ForceRemove(q))
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	c.Do("ack 0")
	_, err := shmq.Stat(q)
	require.ErrorIs(t, err, fs.ErrNotExist)
	a, err := attach.To(q, shmq.Producer, nil) // makes it
	require.NoError(t, err)
	require.NoError(t, a.Detach())
	require.NotEqual(t, old, segmentOf(t, key).ID)
	p.Do("close")
	c.Kill()
	_, err = sys.StatSegment(old)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
