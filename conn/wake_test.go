//go:build linux

package conn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/ring"
)

// The last bytes may be written, and the stream ended, between a reader's look at the ring
// and its look for the end.
func TestEndRightBehindTheLastBytes(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	require.NoError(t, b.in.enter())
	defer b.in.leave()
	buf, n, looks := make([]byte, 10), 0, 0
	err := b.awaitData(func() (err error) {
		if looks++; looks == 1 {
			_, err := a.Write([]byte("last"))
			require.NoError(t, err)
			require.NoError(t, a.CloseWrite())
			return ring.ErrEmpty // it has looked before that
		}
		n, err = b.take(buf)
		return err
	})
	require.NoError(t, err)
	require.Equal(t, "last", string(buf[:n]))
}

// What a sleeper waits for may come after its last look and before its bell hangs: then
// nobody rings.
func TestSleeperLooksOnceItsBellHangs(t *testing.T) {
	t.Parallel()
	for _, alone := range []bool{true, false} {
		a, _ := newPair(t)
		a.in.alone = alone
		a.in.sleep(a.memory.ForData, a.memory.ForData.Hung)
		require.False(t, a.memory.ForData.Hung())
	}
}
