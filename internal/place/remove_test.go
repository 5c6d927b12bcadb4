//go:build linux

package place_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) { testproc.Main(m, nil) }

// While one removes a queue, nobody else can take its name away and give it to
// another, which would then be removed instead.
func TestRemovalOfTheRightFile(t *testing.T) {
	q := testagent.Queue(t, nil)
	old, err := shmq.Watch(q)
	require.NoError(t, err)
	defer old.Close()
	raced := false
	place.SetBeforeUnname(t, func() {
		if raced {
			return
		}
		raced = true
		require.ErrorIs(t, shmq.ForceRemove(q), shmq.ErrInUse)
		require.ErrorIs(t, shmq.Create(q, nil), os.ErrExist)
		_, err := shmq.List()
		require.NoError(t, err)
		_, err = shmq.Stat(q)
		require.NoError(t, err)
	})
	require.NoError(t, shmq.ForceRemove(q))
	require.True(t, raced)
	require.True(t, old.Removed())
}
