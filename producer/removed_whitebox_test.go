//go:build linux

package producer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
)

// A producer that learns of the removal from Commit gives its room back, so that a
// consumer gets what others have sent behind it.
func TestCommitToARemovedQueueHoldsUpNobody(t *testing.T) {
	t.Parallel()
	q := t.TempDir() + "/q"
	p, err := OpenRaw(q, nil)
	require.NoError(t, err)
	defer p.Close()
	other, err := OpenRaw(q, nil)
	require.NoError(t, err)
	defer other.Close()
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer c.Close()
	_, err = p.Reserve(t.Context(), 10)
	require.NoError(t, err)
	require.NoError(t, other.TrySend([]byte("behind")))
	_, err = c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.NoError(t, shmq.ForceRemove(q))
	testproc.Until(t, p.end.Due)
	require.ErrorIs(t, p.Check(), shmq.ErrRemoved)
	require.ErrorIs(t, p.TrySend(nil), shmq.ErrRemoved)
	_, err = c.TryReceive(nil)
	require.Error(t, err, "the bytes are no other producer's while they may be written")
	require.ErrorIs(t, p.Commit(10), shmq.ErrRemoved)
	require.ErrorIs(t, p.Commit(10), shmq.ErrRemoved)
	got, err := c.TryReceive(nil)
	require.NoError(t, err)
	require.Equal(t, "behind", string(got))
}

// An idle producer has no timer running: the flag that the last one set stays.
func TestIdleProducerHasNoTimer(t *testing.T) {
	t.Parallel()
	p, err := OpenRaw(t.TempDir()+"/q", nil)
	require.NoError(t, err)
	defer p.Close()
	testproc.Until(t, p.end.Due)
	require.NoError(t, p.TrySend(nil))
	require.False(t, p.end.Due(), "it looked")
	testproc.Until(t, p.end.Due)
}
