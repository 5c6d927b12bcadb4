package selector_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/selector"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName: testagent.Play,
		"refused":          underFilter,
		"waiter":           waiter,
	})
}

var within = testagent.Within

// pair is both ends of a queue of its own.
type pair struct {
	name string
	p    *producer.Raw
	c    *consumer.Raw
}

func newPair(t testing.TB, o shmq.Options, co *consumer.Options) pair {
	q := testagent.Queue(t, small(o))
	return pair{q, testagent.OpenProducer(t, q), testagent.OpenConsumer(t, q, co)}
}

func newPairs(t testing.TB, n int, o shmq.Options, co *consumer.Options) (ps []pair, set *selector.Set) {
	set = &selector.Set{}
	for range n {
		p := newPair(t, o, co)
		require.NoError(t, set.Add(p.c))
		ps = append(ps, p)
	}
	return ps, set
}

func small(o shmq.Options) *shmq.Options {
	o.Slots, o.SlotSize = 16, 64
	return &o
}

// take waits for the first consumer with something, and takes that.
func take(t testing.TB, set *selector.Set) (queue, record string) {
	t.Helper()
	q, err := set.Wait(within(t))
	require.NoError(t, err)
	b, err := q.(*consumer.Raw).TryReceive(nil)
	require.NoError(t, err)
	return q.Name(), string(b)
}

// waits returns what a Wait on a goroutine of its own comes to, when it has begun to sleep.
func waits(t testing.TB, ctx context.Context, set *selector.Set, c *consumer.Raw) <-chan result {
	done := make(chan result, 1)
	before := c.Counters().Waits
	go func() {
		q, err := set.Wait(ctx)
		done <- result{q, err, time.Now()}
	}()
	require.Eventually(t, func() bool { return c.Counters().Waits > before }, 10*time.Second, time.Millisecond)
	// From the count to the system call. What comes before that ends the sleep, too, so this
	// makes a real sleep likelier, and decides nothing.
	time.Sleep(2 * time.Millisecond)
	return done
}

type result struct {
	queue selector.Queue
	err   error
	at    time.Time
}

func (r result) name() string {
	if r.queue == nil {
		return ""
	}
	return r.queue.Name()
}

// prompt runs what returns when something took, after it was begun, several times, and
// requires of the quickest, which no load of the machine explains, that no heartbeat ended it.
func prompt(t testing.TB, what string, once func() time.Duration) {
	t.Helper()
	best := time.Hour
	for range 5 {
		best = min(best, once())
	}
	require.Less(t, best, park.Heartbeat/4, what)
}
