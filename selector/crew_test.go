package selector_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/selector"
)

// One waits for two queues, another for the second only. A record comes to each at the same
// time, and the wake-ups of both may go to the first, which takes from one queue and then does
// not come back. The other has to be woken for what is left.
func TestAWakeUpForWhatIsNotTakenIsPassedOn(t *testing.T) {
	a, b := newPair(t, shmq.Options{}, nil), newPair(t, shmq.Options{}, nil)
	other := testagent.OpenConsumer(t, b.name, nil)
	slow, lost, both := 0, 0, 0
	woken := func() uint64 { return b.p.Counters().Wakes + b.c.Counters().Wakes }
	const rounds = 300
	for range rounds {
		var set selector.Set
		require.NoError(t, set.Add(a.c))
		require.NoError(t, set.Add(b.c))
		done := waits(t, within(t), &set, a.c)
		took := make(chan time.Time, 1)
		before := other.Counters().Waits
		go func() {
			if _, err := other.Receive(within(t), nil); err == nil {
				took <- time.Now()
			}
		}()
		require.Eventually(t, func() bool { return other.Counters().Waits > before }, 10*time.Second, time.Millisecond)
		time.Sleep(time.Millisecond) // from the count to the system call; it decides nothing
		begun, others := time.Now(), woken()
		require.NoError(t, b.p.TrySend([]byte("b")))
		require.NoError(t, a.p.TrySend([]byte("a")))
		got := <-done
		require.NoError(t, got.err)
		_, err := got.queue.(*consumer.Raw).TryReceive(nil)
		if got.queue == a.c {
			require.NoError(t, err)
			if d := (<-took).Sub(begun); d > park.Heartbeat/2 {
				slow++
				// One wake-up may have gone to the set. Where there was another the machine
				// was slow, not the waking.
				if woken()-others < 2 {
					lost++
				}
			}
			both++
			continue
		}
		if err == nil { // it has the other's record
			require.NoError(t, b.p.TrySend([]byte("b")))
		} else {
			require.ErrorIs(t, err, shmq.ErrEmpty)
		}
		<-took
		_, err = a.c.Receive(within(t), nil)
		require.NoError(t, err)
	}
	t.Logf("%d of %d rounds had the first queue served first; the record of the other lay for long in %d of them, and nobody was woken for it in %d", both, rounds, slow, lost)
	require.LessOrEqual(t, lost, rounds/30, "sleeps that a heartbeat ended")
}

// A caller that does not take what Wait has returned passes it on with its next Wait, or when
// it takes the queue out.
func TestWhatIsNotTakenIsPassedOn(t *testing.T) {
	for name, then := range map[string]func(set *selector.Set, q selector.Queue){
		"wait": func(set *selector.Set, q selector.Queue) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			_, _ = set.Wait(ctx)
		},
		"remove": func(set *selector.Set, q selector.Queue) { set.Remove(q) },
	} {
		p := newPair(t, shmq.Options{}, nil)
		other := testagent.OpenConsumer(t, p.name, nil)
		best := time.Hour
		for range 8 {
			var set selector.Set
			require.NoError(t, set.Add(p.c))
			done := waits(t, within(t), &set, p.c) // the first to sleep is the first to be woken
			took := make(chan time.Time, 1)
			before := other.Counters().Waits
			go func() {
				if _, err := other.Receive(within(t), nil); err == nil {
					took <- time.Now()
				}
			}()
			require.Eventually(t, func() bool { return other.Counters().Waits > before }, 10*time.Second, time.Millisecond)
			time.Sleep(time.Millisecond) // it makes that likelier, and decides nothing
			begun := time.Now()
			require.NoError(t, p.p.TrySend([]byte("x")))
			select {
			case got := <-done:
				require.NoError(t, got.err)
				then(&set, got.queue)
				best = min(best, (<-took).Sub(begun))
			case <-took: // the other slept first
				require.NoError(t, p.p.TrySend([]byte("x")))
				require.NoError(t, (<-done).err)
				_, err := p.c.TryReceive(nil)
				require.NoError(t, err)
			}
			set.Remove(p.c)
		}
		require.Less(t, best, park.Heartbeat/4, name)
	}
}

// A crew of waiters with sets that overlap, some of single queues; nothing lies about while
// one of them sleeps.
func TestCrewWithOverlappingSets(t *testing.T) {
	const queues, records = 3, 2000
	var names []string
	var senders []pair
	for range queues {
		p := newPair(t, shmq.Options{}, nil)
		require.NoError(t, p.c.Close())
		names, senders = append(names, p.name), append(senders, p)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan struct{}, records)
	var errs atomic.Pointer[error]
	var wg sync.WaitGroup
	for _, of := range [][]int{{0, 1, 2}, {0, 1}, {1, 2}, {2}, {0}} {
		var set selector.Set
		for _, i := range of {
			require.NoError(t, set.Add(testagent.OpenConsumer(t, names[i], nil)))
		}
		wg.Go(func() {
			for {
				q, err := set.Wait(ctx)
				if err == nil {
					_, err = q.(*consumer.Raw).TryReceive(nil)
					if err == nil {
						got <- struct{}{}
					}
				}
				if ctx.Err() != nil {
					return
				}
				if err != nil && !errors.Is(err, shmq.ErrEmpty) {
					errs.Store(&err)
					return
				}
			}
		})
	}
	stalls := 0
	for i := range records {
		require.NoError(t, senders[i%queues].p.TrySend([]byte("x")))
		if i%3 == 1 {
			continue // two at a time
		}
		for n := 1 + (i % 3 / 2); n > 0; n-- {
			select {
			case <-got:
			case <-time.After(park.Heartbeat / 2):
				stalls++
				<-got
			}
		}
	}
	cancel()
	wg.Wait()
	require.Nil(t, errs.Load())
	require.LessOrEqual(t, stalls, records/200, "records that lay about while a goroutine slept")
}
