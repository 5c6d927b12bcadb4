package consumer_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
)

// Others read the counters while the participants work and while they leave; what
// they read does not go back.
func TestCountersAreForAnyGoroutine(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, c := openProducer(t, q), openConsumer(t, q, nil)
		var stop atomic.Bool
		var readers sync.WaitGroup
		watch := func(read func() shmq.Counters) {
			readers.Go(func() {
				last := shmq.Counters{}
				for !stop.Load() {
					now := read()
					if now.Records < last.Records || now.Bytes < last.Bytes {
						t.Errorf("%+v after %+v", now, last)
						return
					}
					last = now
				}
			})
		}
		watch(p.Counters)
		watch(c.Counters)
		const n = 2000
		var buf []byte
		for range n {
			require.NoError(t, p.TrySend([]byte("four")))
			var err error
			buf, err = c.TryReceive(buf)
			require.NoError(t, err)
		}
		require.NoError(t, p.Close())
		require.NoError(t, c.Close())
		stop.Store(true)
		readers.Wait()
		for _, last := range []shmq.Counters{p.Counters(), c.Counters()} {
			require.EqualValues(t, n, last.Records)
			require.EqualValues(t, 4*n, last.Bytes)
		}
	})
}

func TestCountersOfRedelivery(t *testing.T) {
	t.Parallel()
	p, c := pair[string](t)
	require.NoError(t, p.TrySend("a"))
	_, l, err := c.TryLease()
	require.NoError(t, err)
	l.Release()
	require.Zero(t, c.Raw().Counters())
	ls := make([]consumer.Leased[string], 1)
	_, err = c.TryLeaseBatch(ls)
	require.NoError(t, err)
	ls[0].Ack()
	require.Equal(t, shmq.Counters{Records: 1, Bytes: 2, Redelivered: 1}, c.Raw().Counters())
}

// A record counts once, through however many copies of its lease it is settled.
func TestCountersCountRecordsAndNotLeases(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, c := openProducer(t, q), openConsumer(t, q, nil)
		for range 6 {
			require.NoError(t, p.TrySend([]byte("four")))
		}
		a, err := c.TryLease()
		require.NoError(t, err)
		again := a
		a.Ack()
		a.Ack()
		again.Ack()
		again.Release()
		require.EqualValues(t, 1, c.Counters().Records)

		ls := make([]consumer.Lease, 3)
		n, err := c.TryLeaseBatch(ls)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		copies := append(append([]consumer.Lease{}, ls...), ls...)
		c.AckBatch(copies)
		c.AckBatch(ls)
		require.EqualValues(t, 4, c.Counters().Records)
		require.EqualValues(t, 16, c.Counters().Bytes)

		b, err := c.TryLease()
		require.NoError(t, err)
		stale := b
		b.Release()
		stale.Ack() // it was given back
		c.AckBatch([]consumer.Lease{stale})
		require.EqualValues(t, 4, c.Counters().Records)
		for range 2 {
			_, err = c.TryReceive(nil)
			require.NoError(t, err)
		}
		require.Equal(t, shmq.Counters{Records: 6, Bytes: 24, Redelivered: 1}, c.Counters())
	})
}
