//go:build linux

package seat_test

import (
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
