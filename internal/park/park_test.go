package park_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/park"
)

func TestNoWakeUpIsLostInPingPong(t *testing.T) {
	const rounds = 20_000
	for name, ctx := range contexts(t) {
		lost, err := pingPong(ctx, rounds)
		require.NoError(t, err)
		require.LessOrEqual(t, lost, int64(2), "with a context that %s: sleeps that a heartbeat ended, of %d", name, 2*rounds)
	}
}

func contexts(t *testing.T) map[string]context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return map[string]context.Context{"never ends": context.Background(), "can end": ctx}
}

// Some takers give up all the time; the wake-ups they were sent must not be lost.
func TestCancelledSleepersPassTheWakeUpOn(t *testing.T) {
	var b box
	const takers, tokens = 3, 3000
	var wg sync.WaitGroup
	stop, cancelAll := context.WithCancel(context.Background())
	defer cancelAll()
	got := make(chan struct{}, tokens)
	for range takers {
		wg.Go(func() { // the one that stays
			s := b.sleeper()
			for b.take(stop, s) == nil {
				got <- struct{}{}
			}
		})
		wg.Go(func() { // the one that gives up
			s := b.sleeper()
			for stop.Err() == nil {
				ctx, cancel := context.WithTimeout(stop, 100*time.Microsecond)
				if b.take(ctx, s) == nil {
					got <- struct{}{}
				}
				cancel()
			}
		})
	}
	stalls := 0
	for range tokens {
		b.put()
		select {
		case <-got:
		case <-time.After(park.Heartbeat / 2):
			stalls++
			<-got
		}
	}
	cancelAll()
	wg.Wait()
	require.LessOrEqual(t, stalls, tokens/200, "tokens that lay about while a goroutine slept")
}

func TestManySleepersManyWakers(t *testing.T) {
	var b box
	const n, each = 4, 3000
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			s := b.sleeper()
			for range each {
				if err := b.take(context.Background(), s); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for i := range each {
				b.put()
				if i%16 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	require.Zero(t, b.tokens.Load())
	require.LessOrEqual(t, b.late.Load(), int64(n*each/200))
}

func TestWakeOfNobodyLowersTheFlag(t *testing.T) {
	t.Parallel()
	var word uint32
	s := park.NewSleeper(&word)
	require.False(t, park.Armed(&word))
	first := s.Prepare()
	require.True(t, park.Armed(&word))
	require.Equal(t, first, s.Prepare(), "announced once")
	require.Zero(t, park.WakeOne(&word))
	require.False(t, park.Armed(&word))
	require.Zero(t, park.WakeOne(&word))
	// The ticket is void: a sleep with it returns at once.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start := time.Now()
	require.NoError(t, s.Sleep(ctx, first))
	s.Done()
	require.Less(t, time.Since(start), park.Heartbeat)
	require.NotEqual(t, first, s.Prepare(), "the count tells one sleep from the next")
	require.Zero(t, park.WakeAll(&word))
	require.False(t, park.Armed(&word))
}

func TestWakeAllReachesEverySleeper(t *testing.T) {
	t.Parallel()
	const n = 5
	var b box
	var asleep, woken sync.WaitGroup
	asleep.Add(n)
	for range n {
		woken.Go(func() {
			s := b.sleeper()
			ticket := s.Prepare()
			asleep.Done()
			_ = s.Sleep(context.Background(), ticket)
		})
	}
	asleep.Wait()
	start := time.Now()
	park.WakeAll(&b.word) // also those that are not asleep yet: their ticket is void
	woken.Wait()
	require.Less(t, time.Since(start), park.Heartbeat*3/4)
}

func TestSleepEndsWithAHeartbeat(t *testing.T) {
	t.Parallel()
	var word uint32
	s := park.NewSleeper(&word)
	for _, ctx := range contexts(t) {
		start := time.Now()
		require.NoError(t, s.Sleep(ctx, s.Prepare()))
		took := time.Since(start)
		s.Done()
		require.InDelta(t, park.Heartbeat.Seconds(), took.Seconds(), 0.09)
	}
}
