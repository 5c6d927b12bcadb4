package selector_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/selector"
)

// waiter is a process that works on what comes to the queues of a set.
func waiter(c *testproc.Child) {
	var set selector.Set
	for _, name := range c.Args {
		in, err := consumer.OpenRaw(name, nil)
		c.Check(err)
		c.Check(set.Add(in))
	}
	c.Say("ready")
	for {
		q, err := set.Wait(context.Background())
		c.Check(err)
		l, err := q.(*consumer.Raw).TryLease()
		if errors.Is(err, shmq.ErrEmpty) {
			continue
		}
		c.Check(err)
		l.Ack()
	}
}

// Processes that wait for several queues are killed and stopped at any time. What is sent is
// worked on by those that are left, without anything sent after it, and no seat stays dirty.
func TestWaitersAreKilledAndStopped(t *testing.T) {
	t.Parallel()
	const queues, rounds = 3, 30
	var names []string
	var out []pair
	for range queues {
		p := newPair(t, shmq.Options{}, nil)
		require.NoError(t, p.c.Close())
		names, out = append(names, p.name), append(out, p)
	}
	start := func(of ...int) *testproc.Proc {
		var args []string
		for _, i := range of {
			args = append(args, names[i])
		}
		w := testproc.Start(t, "waiter", args...)
		w.Expect("ready")
		return w
	}
	sets := [][]int{{0, 1, 2}, {0, 1}, {1, 2}, {2, 0}}
	var crew []*testproc.Proc
	for _, of := range sets {
		crew = append(crew, start(of...))
	}
	for round := range rounds {
		victim := rand.IntN(len(crew))
		for i := range 60 {
			require.NoError(t, out[i%queues].p.Send(within(t), []byte(strings.Repeat("x", i))))
			if i == 30+rand.IntN(20) {
				crew[victim].Kill()
			}
		}
		stopped := (victim + 1) % len(crew)
		crew[stopped].Stop()
		crew[victim].Kill()
		// A stopped one may have a record in hand, of each queue that it waits for at most one.
		testproc.Until(t, func() bool { return left(t, names) <= len(sets[stopped]) })
		crew[stopped].Continue()
		testproc.Until(t, func() bool { return left(t, names) == 0 })
		if round < rounds-1 {
			crew[victim] = start(sets[victim]...)
		}
	}
	for _, w := range crew {
		w.Kill()
	}
	for _, name := range names {
		c := testagent.OpenConsumer(t, name, nil)
		_, err := c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
		info, err := shmq.Stat(name)
		require.NoError(t, err)
		for _, p := range info.Participants {
			require.True(t, p.Alive, "a dead one is left")
		}
		require.Zero(t, info.Claimed)
	}
}

// left returns how many records are not acknowledged.
func left(t *testing.T, names []string) (n int) {
	for _, name := range names {
		info, err := shmq.Stat(name)
		require.NoError(t, err)
		n += info.Records + info.Leased + info.Orphans
	}
	return n
}

// One that is stopped in its sleep may be chosen for a wake-up, which it does not use. Others
// find the record at their heartbeat.
func TestAStoppedWaiterStrandsNobody(t *testing.T) {
	t.Parallel()
	a, b := newPair(t, shmq.Options{}, nil), newPair(t, shmq.Options{}, nil)
	w := testproc.Start(t, "waiter", a.name, b.name)
	w.Expect("ready")
	var set selector.Set
	require.NoError(t, set.Add(a.c))
	require.NoError(t, set.Add(b.c))
	for _, p := range []pair{a, b, a, b} {
		time.Sleep(5 * time.Millisecond) // it sleeps by now; if not, that is another case
		w.Stop()
		done := waits(t, within(t), &set, a.c)
		require.NoError(t, p.p.TrySend([]byte("x")))
		got := <-done
		require.NoError(t, got.err)
		require.Same(t, p.c, got.queue)
		_, err := p.c.TryReceive(nil)
		require.NoError(t, err)
		w.Continue()
	}
	w.Kill()
}
