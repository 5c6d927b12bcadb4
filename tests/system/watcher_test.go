package system_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
)

func openWatcher(t *testing.T, q string) *shmq.Watcher {
	t.Helper()
	w, err := shmq.Watch(q)
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

func glance(t *testing.T, w *shmq.Watcher) *shmq.Info {
	t.Helper()
	info, err := w.Glance()
	require.NoError(t, err)
	return info
}

func TestGlanceSeesAllButTheSlots(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 4, SlotSize: 64, Seats: 8})
	w := openWatcher(t, q)
	require.Zero(t, glance(t, w).Depth)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b", "c", "d")
	c.Lease(1)
	full, err := w.Stat()
	require.NoError(t, err)
	require.Equal(t, []int{3, 3, 1}, []int{full.Depth, full.Records, full.Leased})
	require.NotNil(t, full.Participants[1].Holds)
	require.True(t, full.Full)

	// The same, without what a walk over the slots tells.
	full.Records, full.Leased, full.Participants[1].Holds = 0, 0, nil
	quick := glance(t, w)
	require.NotZero(t, quick.Participants[1].HeldSince)
	quick.Participants[1].HeldSince = full.Participants[1].HeldSince // measured anew each time
	require.Equal(t, full, quick)

	c.Kill()
	require.False(t, glance(t, w).Participants[1].Alive)
}

func TestWatcherTellsOfTheLastToLeave(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 4})
	w := openWatcher(t, q)
	require.Empty(t, glance(t, w).Left)
	p := testagent.Producer(t, q)
	p.Sends("one", "two")
	p.Do("close")
	info := glance(t, w)
	require.Empty(t, info.Participants)
	require.Len(t, info.Left, 1)
	require.EqualValues(t, 2, info.Left[0].Records)
	require.EqualValues(t, 6, info.Left[0].Bytes)
	require.Equal(t, p.PID(), info.Left[0].PID)
	testagent.Consumer(t, q) // takes the seat
	require.Empty(t, glance(t, w).Left)
}

func TestWatcherOfARemovedQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	w := openWatcher(t, q)
	id := glance(t, w).CreationID
	require.False(t, w.Removed())
	require.NoError(t, shmq.Remove(q))
	require.True(t, w.Removed())
	require.NoError(t, shmq.Create(q, nil))
	require.True(t, w.Removed(), "another queue of that name")
	require.Equal(t, id, glance(t, w).CreationID)
}

func TestWatcherSurvivesATruncatedFile(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	w := openWatcher(t, q)
	path, err := shmq.Path(q)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 0))
	defer os.Remove(path) // no queue any more, for Remove
	_, err = w.Glance()
	require.ErrorIs(t, err, shmq.ErrDamaged)
	_, err = w.Stat()
	require.ErrorIs(t, err, shmq.ErrDamaged)
}

func TestWatcherAfterClose(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	w := openWatcher(t, q)
	require.NoError(t, w.Close())
	require.NoError(t, w.Close(), "a second time")
	_, err := w.Glance()
	require.ErrorIs(t, err, shmq.ErrClosed)
	_, err = shmq.Watch(q + "-none")
	require.ErrorIs(t, err, os.ErrNotExist)
}
