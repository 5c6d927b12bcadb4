//go:build linux

package place_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) { testproc.Main(m, nil) }

// While one process removes a queue, no other can take its name away and give it to
// another queue, which would then be removed instead.
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

// A name that goes while the queue is being removed is gone, whatever kind of place it is.
func TestRemovalOfAnUnlinkedName(t *testing.T) {
	key := fmt.Sprintf("sysv:%#x", 0x5a000000|os.Getpid()&0xffffff)
	t.Setenv("SHMQ_DIR", t.TempDir())
	for _, q := range []string{"q", key} {
		err := shmq.Create(q, nil)
		if errors.Is(err, shmq.ErrRefused) || errors.Is(err, fs.ErrExist) {
			t.Logf("%s: %v", q, err)
			continue
		}
		require.NoError(t, err)
		path, err := shmq.Path(q)
		require.NoError(t, err)
		away := filepath.Join(t.TempDir(), "away")
		place.SetBeforeUnname(t, func() { require.NoError(t, os.Rename(path, away)) })
		require.ErrorIs(t, shmq.Remove(q), fs.ErrNotExist, q)
		place.SetBeforeUnname(t, func() {})
		require.NoError(t, os.Rename(away, path)) // for its segment
		require.NoError(t, shmq.Remove(q))
	}
}
