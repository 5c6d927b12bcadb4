package park_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{"refused": underFilter})
}

// box holds tokens, and is what the sleepers of these tests wait for: a queue with
// nothing in it but a number.
type box struct {
	word   uint32
	tokens atomic.Int64
	// late counts sleeps that ended with a heartbeat and not with a wake-up, though
	// there was a token.
	late atomic.Int64
}

func (b *box) put() {
	b.tokens.Add(1)
	if park.Armed(&b.word) {
		park.WakeOne(&b.word)
	}
}

func (b *box) try() bool {
	for {
		n := b.tokens.Load()
		if n == 0 {
			return false
		}
		if b.tokens.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// take waits for a token, following the rules of the package.
func (b *box) take(ctx context.Context, s *park.Sleeper) error {
	defer s.Done()
	passOn := func() {
		if b.tokens.Load() > 0 && park.Armed(&b.word) {
			park.WakeOne(&b.word)
		}
	}
	slept := time.Duration(0)
	for {
		ticket := s.Prepare()
		if b.try() {
			if slept >= park.Heartbeat {
				b.late.Add(1)
			}
			passOn()
			return nil
		}
		start := time.Now()
		if err := s.Sleep(ctx, ticket); err != nil {
			passOn()
			return err
		}
		slept = time.Since(start)
	}
}

func (b *box) sleeper() *park.Sleeper { return park.NewSleeper(&b.word) }

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

// cancelLatency is how long after its context's end a sleep returns.
func cancelLatency(rounds int) time.Duration {
	var b box
	s := b.sleeper()
	var all []time.Duration
	for range rounds {
		ctx, cancel := context.WithCancel(context.Background())
		var at atomic.Int64
		timer := time.AfterFunc(3*time.Millisecond, func() {
			at.Store(time.Now().UnixNano())
			cancel()
		})
		if err := b.take(ctx, s); err != context.Canceled {
			return time.Hour
		}
		all = append(all, time.Duration(time.Now().UnixNano()-at.Load()))
		timer.Stop()
		cancel()
	}
	return median(all)
}

// pingPong passes a token to and fro between two goroutines, which sleep each time,
// and returns how many sleeps a heartbeat ended.
func pingPong(ctx context.Context, rounds int) (late int64, err error) {
	var there, back box
	failed := make(chan error, 1)
	go func() {
		s := there.sleeper()
		for range rounds {
			if err := there.take(ctx, s); err != nil {
				failed <- err
				return
			}
			back.put()
		}
		failed <- nil
	}()
	s := back.sleeper()
	for range rounds {
		there.put()
		if err := back.take(ctx, s); err != nil {
			return 0, err
		}
	}
	return there.late.Load() + back.late.Load(), <-failed
}
