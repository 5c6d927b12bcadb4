package attach

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
)

// A call that never ends, because its goroutine left it by a panic that the call knows nothing
// of, does not hold up Close for ever, and keeps what it may be using.
func TestCloseOfAHandleWhoseCallNeverEnds(t *testing.T) {
	was := closePatience
	closePatience = 30 * time.Millisecond
	defer func() { closePatience = was }()
	q := t.TempDir() + "/q"
	a, err := To(q, shmq.Consumer, nil)
	require.NoError(t, err)
	e := NewEnd(a, "receive from", a.Ring().DataFutex(), Hooks{Drop: func() {}, GiveBack: func() bool { return false }})
	require.Zero(t, e.Enter())
	for range 2 {
		err = e.Close(nil)
		require.ErrorIs(t, err, fail.ErrInUse)
		require.ErrorContains(t, err, "has not ended")
	}
	require.False(t, a.q.Closed())
	_ = a.ring.Depth() // it is there
	e.Leave()
	require.NoError(t, e.Close(nil))
	require.ErrorIs(t, e.Do(func() error { return nil }), fail.ErrClosed)
}
