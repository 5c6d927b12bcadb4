package selector

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
)

// A queue is cut right before Wait announces its sleep on it: that queue is lost, and no more.
func TestAQueueIsCutBeforeTheAnnouncement(t *testing.T) {
	t.Parallel()
	_, beside := owedQueue(t, nil)
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	cut := testagent.OpenConsumer(t, q, nil)
	set := &Set{}
	require.NoError(t, set.Add(beside))
	require.NoError(t, set.Add(cut))
	set.adopt()
	m, err := set.join()
	require.NoError(t, err)
	require.Nil(t, m)
	require.NoError(t, os.Truncate(testagent.Path(t, q), 0))
	m, err = set.announce()
	require.ErrorIs(t, err, shmq.ErrTruncated)
	require.Same(t, cut, m.queue)
	set.leave()
	set.forget(m)
	require.NoError(t, beside.Close())
	_, err = set.Wait(t.Context())
	require.ErrorIs(t, err, shmq.ErrClosed)
	_, err = set.Wait(t.Context())
	require.Equal(t, io.EOF, err)
	require.NoError(t, os.Remove(testagent.Path(t, q)))
}
