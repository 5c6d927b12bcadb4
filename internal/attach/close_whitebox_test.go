package attach

import (
	"runtime"
	"sync"
	"sync/atomic"
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

// Close sees each call that does not see Close: the calls have no fence, the barrier is for
// them.
func TestNoCallBeginsUnseen(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("one processor has no store buffers to look past")
	}
	for name, with := range map[string]struct {
		barrier func()
		rounds  int
	}{"the kernel's": {barrier, 100_000}, "the runtime's": {stopTheWorld, 5_000}} {
		a := &Participant{hit: new(uint32)}
		e := &End{Participant: a}
		var round atomic.Uint32 // odd: go; even: begin the next
		var smoothly bool
		var caller sync.WaitGroup
		caller.Go(func() {
			for n := range uint32(with.rounds) {
				for round.Load() != 2*n+1 {
					runtime.Gosched()
				}
				smoothly = e.Enter() == 0
				round.Store(2*n + 2)
			}
		})
		unseen := 0
		for n := range uint32(with.rounds) {
			e.Leave()
			a.left.Store(false)
			a.due.Store(0)
			round.Store(2*n + 1)
			e.shut(with.barrier)
			seen := atomic.LoadUint32(&e.inUse) != 0
			for round.Load() != 2*n+2 {
				runtime.Gosched()
			}
			if smoothly && !seen {
				unseen++
			}
		}
		caller.Wait()
		require.Zero(t, unseen, "of %d rounds, with %s barrier", with.rounds, name)
	}
}

// A call that has asked, and finds all well, does not hide that the handle was closed
// meanwhile.
func TestRelaxingDoesNotHideThatItWasClosed(t *testing.T) {
	a := &Participant{}
	a.alert()
	a.leave()
	a.relax()
	require.EqualValues(t, 1, a.due.Load())
}
