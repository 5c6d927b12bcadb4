package park_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/park"
)

func TestCancelEndsASleepAtOnce(t *testing.T) {
	latency := cancelLatency(15)
	t.Logf("median %v", latency)
	require.Less(t, latency, park.Heartbeat/4)
}

func TestDeadlineEndsASleepAtOnce(t *testing.T) {
	var b box
	s := b.sleeper()
	var all []time.Duration
	for range 9 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		start := time.Now()
		require.ErrorIs(t, b.take(ctx, s), context.DeadlineExceeded)
		all = append(all, time.Since(start))
		cancel()
	}
	require.Less(t, median(all), park.Heartbeat/3)
}

func TestSleepWithEndedContext(t *testing.T) {
	t.Parallel()
	var word uint32
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := park.NewSleeper(&word)
	require.ErrorIs(t, s.Sleep(ctx, s.Prepare()), context.Canceled)
	s.Done()
	s.Done() // does nothing
}

// A Sleeper serves one wait after another, each with a context of its own; a
// cancellation that comes after its wait wakes no sleeper, and finds its word alive
// although nothing else refers to it.
func TestLateCancellationIsHarmless(t *testing.T) {
	var b box
	s := b.sleeper()
	for i := range 500 {
		old, cancel := context.WithCancel(context.Background())
		b.tokens.Store(0)
		ticket := s.Prepare()
		time.AfterFunc(50*time.Microsecond, b.put)
		require.NoError(t, s.Sleep(old, ticket))
		go cancel() // at the same time as Done
		s.Done()
		if i%50 == 0 {
			runtime.GC()
		}
		fresh, drop := context.WithCancel(context.Background())
		ticket = s.Prepare()
		time.AfterFunc(50*time.Microsecond, func() { park.WakeAll(&b.word) })
		require.NoError(t, s.Sleep(fresh, ticket), "the old context does not end this wait")
		s.Done()
		drop()
	}
}

// contextByValue is of a type that == panics on.
type contextByValue struct {
	context.Context
	values map[string]string
}

func TestContextOfATypeThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	inner, cancel := context.WithCancel(context.Background())
	ctx := contextByValue{inner, nil}
	var b box
	s := b.sleeper()
	time.AfterFunc(park.Heartbeat*3/2, cancel) // so that it sleeps twice
	require.ErrorIs(t, b.take(ctx, s), context.Canceled)
}
