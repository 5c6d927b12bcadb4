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
