package consumer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestReleasedRecordIsDeliveredAgain(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Sends("a", "b*100", "c")
		require.Equal(t, testagent.Fresh("a"), c.Lease(1))
		c.Lease(1)
		c.Do("release 1")
		c.Do("release 0")
		c.Do("release 0") // once
		require.Equal(t, testagent.Again(1, "a"), c.Lease(1))
		c.Do("release 2")
		again := c.Lease(1)[0]
		require.Equal(t, "a", again.Data)
		require.GreaterOrEqual(t, again.Redelivered, 1)
		c.Do("ack 3")
		require.Equal(t, 1, c.Lease(1)[0].Redelivered)
		c.Do("ack 4")
		require.Equal(t, testagent.Fresh("c"), c.Lease(1))
		c.Do("ack 5")
		require.Contains(t, c.Fails("try-lease"), "empty")
	})
}

func TestReleasedRecordWakesAnother(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p := openProducer(t, q)
	holder := openConsumer(t, q, nil)
	sleeper := openConsumer(t, q, nil)
	stalls := 0
	for range 50 {
		require.NoError(t, p.TrySend([]byte("x")))
		l, err := holder.Lease(within(t))
		require.NoError(t, err)
		if d := handOver(t, sleeper, l.Release); d > park.Heartbeat/2 {
			stalls++
		}
	}
	require.LessOrEqual(t, stalls, 3, "it waited for a heartbeat")
}

// What was released in a batch comes back with the last of the batch, though that
// one is acknowledged.
func TestBatchWithAReleasedRecordWakesAnother(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p := openProducer(t, q)
	holder := openConsumer(t, q, nil)
	sleeper := openConsumer(t, q, nil)
	stalls := 0
	for range 20 {
		for range 2 {
			require.NoError(t, p.TrySend([]byte("x")))
		}
		ls := make([]consumer.Lease, 2)
		n, err := holder.LeaseBatch(within(t), ls)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		ls[0].Release()
		if d := handOver(t, sleeper, ls[1].Ack); d > park.Heartbeat/2 {
			stalls++
		}
	}
	require.LessOrEqual(t, stalls, 2, "it waited for a heartbeat")
}

// handOver puts c to sleep, does what gives it a record, and tells how long after
// that it had one.
func handOver(t *testing.T, c *consumer.Raw, give func()) time.Duration {
	t.Helper()
	before := waits(t, c.Name())
	type result struct {
		at  time.Time
		err error
	}
	got := make(chan result, 1)
	ctx := within(t)
	go func() {
		l, err := c.Lease(ctx)
		if err == nil {
			l.Ack()
		}
		got <- result{time.Now(), err}
	}()
	testproc.Until(t, func() bool { return waits(t, c.Name()) > before })
	start := time.Now()
	give()
	r := <-got
	require.NoError(t, r.err)
	return r.at.Sub(start)
}

// waits is how often participants of a queue went to sleep.
func waits(t *testing.T, q string) uint64 {
	info, err := shmq.Stat(q)
	if err != nil {
		t.Error(err)
		return 0
	}
	n := uint64(0)
	for _, p := range info.Participants {
		n += p.Waits
	}
	return n
}

func TestLeasesAreSettledOnce(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, c := openProducer(t, q), openConsumer(t, q, nil)
		for _, s := range []string{"a", "b", "c"} {
			require.NoError(t, p.TrySend([]byte(s)))
		}
		ls := make([]consumer.Lease, 8)
		n, err := c.TryLeaseBatch(ls)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		old := ls[1]
		ls[1].Ack()
		ls[1].Ack()
		ls[1].Release()
		old.Ack()
		old.Release()
		ls[2].Ack()
		ls[0].Ack()
		_, err = c.TryLease()
		require.ErrorIs(t, err, shmq.ErrEmpty)
		var none consumer.Lease
		none.Ack()
		none.Release()
		require.Nil(t, none.Bytes())
		n, err = c.TryLeaseBatch(nil)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}
