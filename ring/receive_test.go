package ring_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
)

// receive takes the next record of c with TryReceive.
func (b *bench) receive(c *ring.Consumer, id uint64, redelivered int) {
	b.Helper()
	got, n, err := c.TryReceive(nil)
	require.NoError(b, err)
	require.Equal(b, redelivered, n, "redelivered, record %d", id)
	rec, err := ringtest.ReadRecord(got)
	require.NoError(b, err)
	require.Equal(b, id, rec)
}

func TestReceiveMixesWithLeases(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 16), 0)
		rng := rand.New(rand.NewPCG(3, 4))
		var sent, next uint64
		for range 20_000 {
			if err := b.p.Send(ringtest.Record(sent, ringtest.MinRecord+rng.IntN(300))); err == nil {
				sent++
			}
			if rng.IntN(2) == 0 || next == sent {
				continue
			}
			switch rng.IntN(3) {
			case 0:
				b.c.Ack(b.lease(b.c, next, 0))
			case 1:
				b.c.Release(b.lease(b.c, next, 0))
				b.receive(b.c, next, 1)
			case 2:
				b.receive(b.c, next, 0)
			}
			next++
		}
		for ; next < sent; next++ {
			b.receive(b.c, next, 0)
		}
		buf := make([]byte, 3, 64)
		got, _, err := b.c.TryReceive(buf)
		require.ErrorIs(t, err, ring.ErrEmpty)
		require.Equal(t, 64, cap(got), "the caller's buffer comes back")
		b.drained(b.c)
	})
}

func TestWhatWasReceivedDoesNotComeAgain(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.send(40, 1, 2, 3)
		b.receive(b.c, 1, 0)
		b.receive(b.c, 2, 0)
		b.r.Sweep(1) // the consumer dies; its successor takes the seat
		heir := b.r.NewConsumer(1)
		b.receive(heir, 3, 0)
		b.drained(heir)
	})
}

func TestReceiveFlagsWhatADeadConsumerMayHaveSeen(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.send(40, 1, 2, 3)
		b.lease(b.c, 1, 0)
		b.lease(b.c, 2, 0)
		b.r.Sweep(1)
		heir := b.r.NewConsumer(1)
		b.receive(heir, 1, 1)
		b.receive(heir, 2, 1)
		b.receive(heir, 3, 0)
		b.drained(heir)
	})
}

func TestReceiveBehindAnOpenLeaseOfASingleConsumerComesAgain(t *testing.T) {
	b := newBench(t, geometry(true, false, 8), 0)
	b.send(40, 1, 2, 3)
	b.lease(b.c, 1, 0)
	b.receive(b.c, 2, 0)
	heir := b.r.NewConsumer(1) // the consumer died: head could not pass record 1
	b.receive(heir, 1, 1)
	b.receive(heir, 2, 1)
	b.receive(heir, 3, 0)
	b.drained(heir)
}

func TestBatchesAreReceivedInOrderOfAnySize(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 16), 0)
		rng := rand.New(rand.NewPCG(5, 6))
		bufs := make([][]byte, 5)
		var sent, next uint64
		for range 20_000 {
			for range rng.IntN(6) {
				if err := b.p.Send(ringtest.Record(sent, ringtest.MinRecord+rng.IntN(120))); err == nil {
					sent++
				}
			}
			n, redelivered, err := b.c.TryReceiveBatch(bufs[:1+rng.IntN(len(bufs))])
			if next == sent {
				require.ErrorIs(t, err, ring.ErrEmpty)
				continue
			}
			require.NoError(t, err)
			require.Positive(t, n)
			require.Zero(t, redelivered)
			for _, rec := range bufs[:n] {
				id, err := ringtest.ReadRecord(rec)
				require.NoError(t, err)
				require.Equal(t, next, id)
				next++
			}
		}
		for ; next < sent; next++ {
			b.receive(b.c, next, 0)
		}
		b.drained(b.c)
	})
}

func TestABatchTakesWhatIsReadyAtOnce(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 16), 0)
		b.empty(b.c) // a new consumer first looks for what dead ones left
		b.send(40, 1, 2, 3)
		b.send(100, 4) // two slots
		b.send(40, 5)
		bufs := make([][]byte, 8)
		for _, want := range []int{3, 1, 1} {
			n, _, err := b.c.TryReceiveBatch(bufs)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		b.drained(b.c)
	})
}
