package consumer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

var long = strings.Repeat("b", 150) // takes three slots

// What a consumer held when it was killed its successor is handed, flagged, in
// order, before the rest.
func TestSuccessorGetsTheLeasesOfTheKilled(t *testing.T) {
	for name, takes := range map[string][]int{"one by one": {1, 1}, "as a batch": {2}} {
		t.Run(name, func(t *testing.T) {
			testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
				q := testagent.Queue(t, small(o))
				p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
				p.Sends("a", long, "c", "d")
				for _, n := range takes {
					c.Lease(n)
				}
				c.Kill()
				next := testagent.Consumer(t, q)
				require.Equal(t, testagent.Again(1, "a"), next.Lease(1))
				require.Equal(t, testagent.Again(1, long), next.Lease(1))
				require.Equal(t, testagent.Fresh("c"), next.Lease(1))
				require.Equal(t, testagent.Fresh("d"), next.Lease(1))
				require.Contains(t, next.Fails("try-lease"), "empty")
			})
		})
	}
}

func TestAcknowledgedPartOfABatchStaysAcknowledged(t *testing.T) {
	t.Parallel()
	for _, producers := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		q := testagent.Queue(t, small(shmq.Options{Producers: producers}))
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Sends("a", long, "c", "d")
		require.Len(t, c.Lease(4), 4)
		c.Do("ack 0")
		c.Do("ack 2")
		c.Kill()
		next := testagent.Consumer(t, q)
		require.Equal(t, testagent.Again(1, long), next.Lease(1))
		next.Kill()
		next = testagent.Consumer(t, q)
		require.GreaterOrEqual(t, next.Lease(1)[0].Redelivered, 1)
		require.Equal(t, "d", next.Lease(1)[0].Data)
		require.Contains(t, next.Fails("try-lease"), "empty")
	}
}

// A consumer that is asleep when the holder dies finds out by itself.
func TestSleepingConsumerGetsTheLeasesOfTheKilled(t *testing.T) {
	t.Parallel()
	for _, producers := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		q := testagent.Queue(t, small(shmq.Options{Producers: producers}))
		p, c, other := testagent.Producer(t, q), testagent.Consumer(t, q), testagent.Consumer(t, q)
		p.Sends("a", long)
		c.Lease(2)
		sleepFor(t, other, q)
		c.Kill()
		start := time.Now()
		require.Equal(t, testagent.Again(1, "a"), other.Leased())
		require.Less(t, time.Since(start), time.Second)
		require.Equal(t, testagent.Again(1, long), other.Lease(1))
	}
}

// sleepFor has the agent wait for a record, and returns when it has gone to sleep.
func sleepFor(t *testing.T, a *testagent.Agent, q string) {
	t.Helper()
	before := waits(t, q)
	a.Say("lease 1")
	testproc.Until(t, func() bool { return waits(t, q) > before })
}

// A stopped consumer keeps its record for as long as it lives, whoever looks.
func TestStoppedConsumerKeepsItsLease(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b")
	c.Lease(1)
	c.Stop()
	other := testagent.Consumer(t, q)
	require.Equal(t, testagent.Fresh("b"), other.Lease(1))
	other.Do("ack 0")
	me, err := attach.To(q, shmq.Consumer, nil)
	require.NoError(t, err)
	for range 300 {
		me.Recover()
		require.Contains(t, other.Fails("try-lease"), "empty")
	}
	require.NoError(t, me.Detach())
	c.Continue()
	c.Do("ack 0")
	c.Do("close")
	require.Contains(t, other.Fails("try-lease"), "empty", "it was acknowledged, not given back")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Zero(t, info.Leased)
}

// A reservation of a dead producer holds nobody up for long, and is no record.
func TestKilledProducersReservationIsPassedOver(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		for _, size := range []string{"20", "64", "300"} {
			q := testagent.Queue(t, small(o))
			c, p := testagent.Consumer(t, q), testagent.Producer(t, q)
			p.Sends("before")
			p.Do("reserve %s", size)
			p.Do("fill") // half of the payload
			c.Lease(1)
			c.Do("ack 0")
			c.Say("lease 1")
			if o.Producers == shmq.Many {
				other := testagent.Producer(t, q)
				other.Sends("behind")
			}
			next := testagent.New(t) // how long a program takes to start is not the question
			p.Kill()
			start := time.Now()
			if o.Producers == shmq.One {
				next.Do("producer %s", q)
				next.Sends("behind")
			}
			require.Equal(t, testagent.Fresh("behind"), c.Leased())
			require.Less(t, time.Since(start), time.Second)
			require.Contains(t, c.Fails("try-lease"), "empty")
		}
	})
}
