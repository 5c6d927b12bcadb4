//go:build linux

package system_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
)

// The denials of service that docs/security.md tells of users who may only read: a shared lock is
// all they need to keep others out, for as long as they live.
func TestWhoMayReadCanDenyService(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Producers: shmq.One, Slots: 8, SlotSize: 64, Seats: 4})
	path, err := shmq.Path(q)
	require.NoError(t, err)
	c := testagent.Consumer(t, q)
	p := testagent.Producer(t, q)
	p.Sends("one")
	c.Lease(1)
	p.Do("close")
	c.Kill()

	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	lock := func(kind int16, off int64) {
		lk := unix.Flock_t{Type: kind, Start: off, Len: 1}
		require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk))
	}
	lock(unix.F_RDLCK, layout.LockProducer)
	_, err = attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	lock(unix.F_UNLCK, layout.LockProducer)

	lock(unix.F_RDLCK, layout.SeatOffset) // of the dead consumer
	rec, err := shmq.Recover(q, nil)
	require.NoError(t, err)
	require.Empty(t, rec.Dead, "it seems to live")
	lock(unix.F_UNLCK, layout.SeatOffset)
	rec, err = shmq.Recover(q, nil)
	require.NoError(t, err)
	require.Len(t, rec.Dead, 1)
	require.True(t, rec.Dead[0].Freed)
}

// Payload stays in its slot after it was received, until another record is written there.
func TestPayloadStaysAfterItWasReceived(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, opts shmq.Options) {
		opts.Slots, opts.SlotSize = 8, 64
		q := testagent.Queue(t, &opts)
		path, err := shmq.Path(q)
		require.NoError(t, err)
		p, c := testagent.OpenProducer(t, q), testagent.OpenConsumer(t, q, nil)
		require.NoError(t, p.TrySend([]byte("a secret")))
		_, err = c.TryReceive(nil)
		require.NoError(t, err)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(b), "a secret")
	})
}
