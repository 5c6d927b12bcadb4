//go:build linux

package conn

import (
	"net"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A large write or read whose other end keeps up, so that it never waits, ends at the next record
// when it has to: what SetDeadline and Close wait for.
func TestLargeCallsThatNeverWaitEnd(t *testing.T) {
	t.Parallel()
	for event, want := range map[uint32]error{expired: os.ErrDeadlineExceeded, closed: net.ErrClosed} {
		d, a := newPair(t)
		b := pattern(0, 4*chunk)
		during := func(h *half, call func([]byte) (int, error)) (n int, err error) {
			require.NoError(t, h.enter())
			defer h.leave()
			h.note(event) // which the call finds when it has begun
			return call(b)
		}
		n, err := during(&d.out, d.write)
		require.Equal(t, want, err)
		require.Equal(t, chunk, n)

		atomic.StoreUint32(&d.out.events, 0)
		n, err = d.Write(b)
		require.NoError(t, err)
		require.Equal(t, len(b), n)
		n, err = during(&a.in, a.read)
		require.NoError(t, err)
		require.Equal(t, chunk, n, "there are more")
		atomic.StoreUint32(&a.in.events, 0)
	}
}
