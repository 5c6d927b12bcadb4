//go:build linux

package file_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/place/placetest"
	"github.com/shmq/shmq/internal/testagent"
)

func TestFileInMemoryIsAPlace(t *testing.T) {
	t.Parallel()
	placetest.Conform(t, placetest.Kind{Name: testagent.Name})
}

func TestFileOnADiskIsAPlace(t *testing.T) {
	t.Parallel()
	placetest.Conform(t, placetest.Kind{Name: func(t testing.TB) string { return t.TempDir() + "/q" }})
}

// A file that was given another name has the locks and the memory that it had, but its
// name means nothing, or the queue that was made there since.
func TestFileThatWasMovedAway(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/q"
	require.NoError(t, shmq.Create(path, nil))
	at, err := name.Find(path)
	require.NoError(t, err)
	h, err := at.Open(true)
	require.NoError(t, err)
	defer h.Close()
	require.NoError(t, os.Rename(path, path+".moved"))
	mine, err := at.Names(h)
	require.NoError(t, err)
	require.False(t, mine)
	require.NoError(t, shmq.Create(path, nil))
	mine, err = at.Names(h)
	require.NoError(t, err)
	require.False(t, mine)
}
