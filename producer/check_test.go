package producer_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

// Check knows at once that the queue has lost its name, to another or to none.
func TestCheckLooksAtOnce(t *testing.T) {
	t.Parallel()
	q := filepath.Join(t.TempDir(), "q")
	open := func() *producer.Raw {
		p, err := producer.OpenRaw(q, nil)
		require.NoError(t, err)
		require.NoError(t, p.TrySend([]byte("a")))
		require.NoError(t, p.Check())
		return p
	}
	removed := open()
	require.NoError(t, os.Rename(q, q+"2"))
	require.ErrorIs(t, removed.Check(), shmq.ErrRemoved)
	replaced := open()
	require.NoError(t, os.Rename(q+"2", q))
	require.ErrorIs(t, replaced.Check(), shmq.ErrRemoved)
	for _, p := range []*producer.Raw{removed, replaced} {
		_ = p.Close()
		require.ErrorIs(t, p.Check(), shmq.ErrClosed)
	}
}
