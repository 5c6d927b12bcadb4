//go:build linux

package attach_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
)

// After a write that failed the kernel takes the pages for written. As long as they can't
// be made dirty again, here because the file was cut, no Sync may go by what it says.
func TestSyncDoesNotForgetAFailure(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 64, Seats: 40, Checksum: true})
	a, err := attach.To(q, shmq.Producer, nil)
	require.NoError(t, err)
	require.NoError(t, a.Sync())
	attach.FailedSync(a)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(testagent.Path(t, q), 8192))
	require.ErrorIs(t, a.Sync(), shmq.ErrSync)
	require.ErrorIs(t, a.Sync(), shmq.ErrSync, "again")
	require.NoError(t, os.Truncate(testagent.Path(t, q), info.Size))
	require.NoError(t, a.Sync())
	require.NoError(t, a.Detach())
}
