package attach

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/testproc"
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
	require.Less(t, e.Enter(), overlapped)
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

// A call that settles does its work until calls see that the handle is closed, and nothing from
// then on. Between the two stores of Close it would leave a lease open to which calls that follow
// go on to settle the next.
func TestSettlingBetweenTheStoresOfClose(t *testing.T) {
	a, err := To(t.TempDir()+"/q", shmq.Consumer, nil)
	require.NoError(t, err)
	e := NewEnd(a, "receive from", a.Ring().DataFutex(), Hooks{Drop: func() {}, GiveBack: func() bool { return false }})
	settles := func() (done bool) {
		e.Quietly(func() { done = true })
		return done
	}
	require.True(t, settles())
	a.left.Store(true)
	require.True(t, settles(), "the next call may not see Close")
	a.due.Store(1)
	require.False(t, settles())
	require.NoError(t, e.Close(nil))
}

// Close sees each call that does not see Close: the calls have no fence, the barrier is for
// them. The stores before a call miss the caches, so that its mark is visible late.
func TestNoCallBeginsUnseen(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 || testproc.Race {
		t.Skip("one processor has no store buffer to look past, and the race detector's marks are fences")
	}
	for name, with := range map[string]struct {
		barrier func()
		rounds  uint32
	}{"the kernel's": {barrier, 20_000}, "the runtime's": {stopTheWorld, 5_000}} {
		unseen := unseenCalls(with.rounds, with.barrier)
		require.Zero(t, unseen, "of %d rounds, with %s barrier", with.rounds, name)
	}
	if unseen := unseenCalls(20_000, func() {}); !atomics.MarkIsOrdered {
		t.Logf("without a barrier %d of 20000", unseen)
	}
}

// unseenCalls plays rounds of a call and a Close at the same time, and returns in how many
// neither saw the other.
func unseenCalls(rounds uint32, barrier func()) (unseen int) {
	a := &Participant{hit: new(uint32)}
	e := &End{Participant: a}
	cold := make([]uint64, 4<<20)
	var round, ended atomic.Uint32
	var smoothly bool
	var caller sync.WaitGroup
	caller.Go(func() {
		at := uint32(1)
		for n := uint32(1); n <= rounds; n++ {
			reach(&round, n)
			for range 6 {
				at = at*1664525 + 1013904223
				cold[at%uint32(len(cold))] = uint64(n)
			}
			smoothly = e.Enter() == 0
			ended.Store(n)
		}
	})
	for n := uint32(1); n <= rounds; n++ {
		e.Leave()
		a.left.Store(false)
		a.due.Store(0)
		round.Store(n)
		atomics.Pause(n % 16)
		e.shut(barrier)
		seen := atomic.LoadUint32(&e.inUse) != 0
		reach(&ended, n)
		if smoothly && !seen {
			unseen++
		}
	}
	caller.Wait()
	return unseen
}

func reach(word *atomic.Uint32, n uint32) {
	for tries := 1; word.Load() != n; tries++ {
		if tries%10_000 == 0 {
			runtime.Gosched()
		}
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
