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
	// there was a token: or with a wake-up, on a machine that was too slow.
	late atomic.Int64
	// lost counts those of them that no slow machine explains, if there is one token at a time,
	// and one goroutine takes: putting the token there was done before the heartbeat was due,
	// and had woken nobody.
	lost   atomic.Int64
	single bool
	taken  int64 // tokens
	last   atomic.Pointer[put]
	puts   int64
}

// put is what came of putting the last token there.
type put struct {
	number int64
	woke   int
	done   time.Time
}

func (b *box) put() {
	b.tokens.Add(1)
	woke := 0
	if park.Armed(&b.word) {
		woke = park.WakeOne(&b.word)
	}
	if b.single {
		b.puts++
		b.last.Store(&put{b.puts, woke, time.Now()})
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
	var start time.Time
	slept := time.Duration(0)
	for {
		ticket := s.Prepare()
		if b.try() {
			if slept >= park.Heartbeat {
				b.late.Add(1)
				if p := b.last.Load(); b.single && p != nil && p.number == b.taken+1 && p.woke == 0 && p.done.Before(start.Add(park.Heartbeat)) {
					b.lost.Add(1)
				}
			}
			if b.single {
				b.taken++
			}
			passOn()
			return nil
		}
		start = time.Now()
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
// and returns how many wake-ups were lost.
func pingPong(ctx context.Context, rounds int) (lost int64, err error) {
	there, back := box{single: true}, box{single: true}
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
	return there.lost.Load() + back.lost.Load(), <-failed
}
