//go:build linux

package consumer

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// A consumer that sees the removal first does not leave before the producers have seen
// it: what they send until then it gets.
func TestConsumerOfARemovedQueueWaitsForProducers(t *testing.T) {
	t.Parallel()
	q := t.TempDir() + "/q"
	c, err := OpenRaw(q, nil)
	require.NoError(t, err)
	defer c.Close()
	testproc.Until(t, c.end.Due)
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, shmq.ForceRemove(q))
	var sent, got int
	testproc.Until(t, func() bool {
		_, err := c.TryReceive(nil)
		switch {
		case err == nil:
			got++
		case errors.Is(err, shmq.ErrRemoved):
			return true
		default:
			require.ErrorIs(t, err, shmq.ErrEmpty)
		}
		if p.TrySend([]byte("late")) == nil {
			sent++
		}
		return false
	})
	require.NotZero(t, sent)
	require.Equal(t, sent, got)
}

// With no producer left there is nobody to wait for.
func TestConsumerOfARemovedQueueWithoutProducers(t *testing.T) {
	t.Parallel()
	q := t.TempDir() + "/q"
	c, err := OpenRaw(q, nil)
	require.NoError(t, err)
	testproc.Until(t, c.end.Due)
	require.NoError(t, shmq.ForceRemove(q))
	_, err = c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrRemoved)
	require.NoError(t, c.Close())
}
