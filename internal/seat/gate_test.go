//go:build linux

package seat_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
)

// A participant that attaches has the gate from its question whether it is alone until it has
// its role: another that came in between would find no other, too.
func TestTheGateIsHeldUntilTheRoleIs(t *testing.T) {
	q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 64, Seats: 40, Checksum: true})
	path, err := shmq.Path(q)
	require.NoError(t, err)
	f, err := sys.Open(path, true, false)
	require.NoError(t, err)
	defer f.Close()
	asked := 0
	seat.SetBeforeTake(t, func() {
		held, err := f.Locked(layout.LockImage)
		require.NoError(t, err)
		require.True(t, held)
		asked++
	})
	testagent.Attach(t, q, shmq.Producer)
	require.Equal(t, 1, asked)
	held, err := f.Locked(layout.LockImage)
	require.NoError(t, err)
	require.False(t, held)
}

// What a participant knew of the file when it opened it may be old when it has its role: a
// file that was written over in between is another incarnation, and the participant comes
// again, through the gate.
func TestAFileThatChangesBeforeTheRoleIsTaken(t *testing.T) {
	q := testagent.Queue(t, &testagent.Shared)
	path, err := shmq.Path(q)
	require.NoError(t, err)
	f, err := sys.Open(path, true, false)
	require.NoError(t, err)
	defer f.Close()
	before, ok, err := f.Touched()
	require.NoError(t, err)
	if !ok {
		t.Skip("this filesystem counts stores to mappings, too")
	}
	require.NoError(t, testagent.Attach(t, q, shmq.Producer).Detach()) // an incarnation has begun
	asked := 0
	seat.SetBeforeTake(t, func() {
		for now := before; asked == 0 && now == before; { // the kernel's clock for it ticks
			require.NoError(t, os.Chmod(path, 0o600))
			now, _, err = f.Touched()
			require.NoError(t, err)
		}
		asked++
	})
	require.NoError(t, testagent.Attach(t, q, shmq.Producer).Detach())
	require.Equal(t, 2, asked)
}
