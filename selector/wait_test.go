package selector_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/selector"
)

func TestFirstOfSeveralIsReturned(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		ps, set := newPairs(t, 3, o, nil)
		for i := range 20 {
			p := ps[i*7%3]
			done := waits(t, within(t), set, ps[0].c)
			require.NoError(t, p.p.TrySend([]byte("x")))
			got := <-done
			require.NoError(t, got.err)
			require.Same(t, p.c, got.queue)
			_, err := p.c.TryReceive(nil)
			require.NoError(t, err)
		}
	})
}

func TestARecordWakesAtOnce(t *testing.T) {
	for _, n := range []int{1, 2, 64, 127} {
		ps, set := newPairs(t, n, shmq.Options{}, nil)
		prompt(t, fmt.Sprintf("%d queues", n), func() time.Duration {
			done := waits(t, within(t), set, ps[0].c)
			begun := time.Now()
			last := ps[n-1]
			require.NoError(t, last.p.TrySend([]byte("x")))
			got := <-done
			require.Equal(t, last.name, got.name())
			_, err := last.c.TryReceive(nil)
			require.NoError(t, err)
			return got.at.Sub(begun)
		})
	}
}

// More queues than the kernel waits for: it is found all the same, and soon.
func TestMoreQueuesThanTheKernelWaitsFor(t *testing.T) {
	ps, set := newPairs(t, 140, shmq.Options{}, nil)
	for _, i := range []int{0, 126, 127, 139} {
		prompt(t, fmt.Sprintf("queue %d", i), func() time.Duration {
			// The kernel waits for the queues from the one served last on.
			require.NoError(t, ps[0].p.TrySend([]byte("x")))
			first, _ := take(t, set)
			require.Equal(t, ps[0].name, first)
			done := waits(t, within(t), set, ps[0].c)
			begun := time.Now()
			require.NoError(t, ps[i].p.TrySend([]byte("x")))
			got := <-done
			require.Equal(t, ps[i].name, got.name())
			_, err := ps[i].c.TryReceive(nil)
			require.NoError(t, err)
			return got.at.Sub(begun)
		})
	}
}

// A queue that is never empty does not keep the others waiting.
func TestBusyQueueStarvesNobody(t *testing.T) {
	t.Parallel()
	ps, set := newPairs(t, 4, shmq.Options{}, nil)
	fill := func(p pair, n int) {
		for range n {
			require.NoError(t, p.p.TrySend([]byte("x")))
		}
	}
	fill(ps[1], 16)
	served := map[string]int{}
	for i := range 400 {
		if i == 200 {
			fill(ps[3], 10)
		}
		name, _ := take(t, set)
		served[name]++
		if name == ps[1].name {
			fill(ps[1], 1)
		}
		if i == 217 { // at the latest after 16 of the other
			require.Positive(t, served[ps[3].name])
		}
	}
	require.Equal(t, 10, served[ps[3].name])
	// Two that are never empty take turns.
	fill(ps[2], 16)
	counts := map[string]int{}
	last := ""
	for i := range 100 {
		name, _ := take(t, set)
		if i > 16 {
			require.NotEqual(t, last, name)
		}
		last = name
		counts[name]++
		for _, p := range ps {
			if p.name == name {
				fill(p, 1)
			}
		}
	}
	require.InDelta(t, 50, counts[ps[1].name], 17)
	require.InDelta(t, 50, counts[ps[2].name], 17)
}

func TestAWaitThatFindsSomethingDoesNotSleep(t *testing.T) {
	t.Parallel()
	ps, set := newPairs(t, 8, shmq.Options{}, nil)
	for i := range 1000 {
		p := ps[i%3*2]
		require.NoError(t, p.p.TrySend([]byte("x")))
		name, _ := take(t, set)
		require.Equal(t, p.name, name)
	}
	for _, p := range ps {
		require.Zero(t, p.c.Counters().Waits)
		require.Zero(t, p.p.Counters().Wakes, "nobody announced that it sleeps")
	}
}

func TestRoomIsWaitedFor(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		full := newPair(t, o, nil)
		for full.p.TrySend([]byte("x")) == nil {
		}
		other := newPair(t, o, nil)
		var set selector.Set
		require.NoError(t, set.Add(full.p))
		require.NoError(t, set.Add(other.c))
		done := waits(t, within(t), &set, other.c)
		for range 16 { // until it is empty, which is worth a wake-up
			_, err := full.c.TryReceive(nil)
			require.NoError(t, err)
		}
		got := <-done
		require.NoError(t, got.err)
		require.Same(t, full.p, got.queue)
		require.NoError(t, full.p.TrySend([]byte("x")))
		require.NoError(t, other.p.TrySend([]byte("x")))
		for seen := 0; seen < 1; { // there is room all the time
			q, err := set.Wait(within(t))
			require.NoError(t, err)
			if q == other.c {
				seen++
			}
		}
	})
}

// A slot that is free because its record was taken, and that is leased, is no room.
func TestALeasedSlotIsNoRoom(t *testing.T) {
	t.Parallel()
	full := newPair(t, shmq.Options{}, nil)
	for full.p.TrySend([]byte("x")) == nil {
	}
	l, err := full.c.TryLease()
	require.NoError(t, err)
	var set selector.Set
	require.NoError(t, set.Add(full.p))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = set.Wait(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	l.Ack()
	q, err := set.Wait(within(t))
	require.NoError(t, err)
	require.Same(t, full.p, q)
}

func TestRoomForALargeRecord(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		full := newPair(t, o, nil)
		for full.p.TrySend([]byte("x")) == nil {
		}
		large := make([]byte, 64*4)
		var set selector.Set
		require.NoError(t, set.AddRoom(full.p, len(large)))
		for range 40 {
			done := make(chan error, 1)
			go func() {
				for {
					q, err := set.Wait(within(t))
					if err != nil || q != full.p {
						done <- err
						return
					}
					if err := full.p.TrySend(large); err == nil {
						done <- nil
						return
					}
				}
			}()
			taken := 0
			require.Eventually(t, func() bool {
				select {
				case err := <-done:
					require.NoError(t, err)
					return true
				default:
				}
				if _, err := full.c.TryReceive(nil); err == nil {
					taken++
				}
				return false
			}, 10*time.Second, time.Millisecond)
			require.LessOrEqual(t, taken, 16)
			for full.p.TrySend([]byte("x")) == nil {
			}
		}
	})
}

func TestTypedAndRawTogether(t *testing.T) {
	t.Parallel()
	raw := newPair(t, shmq.Options{}, nil)
	q := testagent.Queue(t, small(shmq.Options{}))
	p, err := producer.Open[int](q, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	c, err := consumer.Open[int](q, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	var set selector.Set
	require.NoError(t, set.Add(raw.c))
	require.NoError(t, set.Add(c))
	require.ErrorIs(t, set.Add(c), shmq.ErrOption)
	require.NoError(t, p.TrySend(7))
	got, err := set.Wait(within(t))
	require.NoError(t, err)
	require.True(t, got == c)
	v, err := c.TryReceive()
	require.NoError(t, err)
	require.Equal(t, 7, v)
}

func TestEmptySet(t *testing.T) {
	t.Parallel()
	var set selector.Set
	q, err := set.Wait(t.Context())
	require.Nil(t, q)
	require.Equal(t, io.EOF, err)
	require.Zero(t, set.Len())
	p := newPair(t, shmq.Options{}, nil)
	require.False(t, set.Remove(p.c))
}

func TestContextEndsAWaitAtOnce(t *testing.T) {
	ps, set := newPairs(t, 3, shmq.Options{}, nil)
	prompt(t, "cancelled", func() time.Duration {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := waits(t, ctx, set, ps[0].c)
		begun := time.Now()
		cancel()
		got := <-done
		require.ErrorIs(t, got.err, context.Canceled)
		require.Nil(t, got.queue)
		return got.at.Sub(begun)
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, ps[0].p.TrySend([]byte("x")))
	_, err := set.Wait(ctx)
	require.ErrorIs(t, err, context.Canceled, "also where there is something")
	take(t, set)
}
