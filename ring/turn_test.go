package ring_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

func TestOthersStandBackWhileAProducerHasTheTurn(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		b := newBench(t, geometry(true, mc, 4), 0)
		other := b.producer(2)
		require.False(t, b.p.DropTurn(), "it has none")
		require.True(t, b.p.AskTurn())
		require.False(t, other.AskTurn())
		require.ErrorIs(t, other.Send(nil), ring.ErrFull)
		_, err := other.SendBatch([][]byte{{1}})
		require.ErrorIs(t, err, ring.ErrFull)
		require.False(t, other.DropTurn(), "not its own")
		require.True(t, b.r.RoomWorthWaking())
		b.send(8, 1)
		require.True(t, b.p.DropTurn())
		require.NoError(t, other.Send(nil))
		require.True(t, other.AskTurn())
	}
}

func TestTurnLapsesUnlessRenewed(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 4), 0)
	other := b.producer(2)
	b.m.Millis.Store(1000)
	require.True(t, b.p.AskTurn())
	b.m.Millis.Add(ring.TurnMillis - 1)
	require.ErrorIs(t, other.Send(nil), ring.ErrFull)
	require.True(t, b.p.AskTurn(), "renewed")
	b.m.Millis.Add(ring.TurnMillis - 1)
	require.ErrorIs(t, other.Send(nil), ring.ErrFull)
	b.m.Millis.Add(1) // its holder is dead, say
	require.NoError(t, other.Send(nil))
	require.True(t, other.AskTurn())
	require.ErrorIs(t, b.p.Send(nil), ring.ErrFull)
	require.False(t, b.p.DropTurn(), "it was another's by then")
}

func TestTurnIsForNobodyInASingleProducerQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(false, true, 4), 0)
	require.False(t, b.p.AskTurn())
	require.False(t, b.p.DropTurn())
	require.Zero(t, b.m.Hot(layout.HotTurn))
}

func TestTurnThatNoProducerAskedForCountsForNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 4), 0)
	b.m.Millis.Store(1_000_000)
	for _, w := range []uint64{
		1, 0xffff, 1 << 16, math.MaxUint64, // lapses long past or far ahead
		(1_000_000+ring.TurnMillis+1)<<16 | 3,
		(1_000_000 + 1) << 16, // no seat
	} {
		b.m.SetHot(layout.HotTurn, w)
		require.NoError(t, b.p.Send(nil), "turn word %#x", w)
		require.True(t, b.p.AskTurn(), "turn word %#x", w)
		require.True(t, b.p.DropTurn())
		var l ring.Lease
		require.NoError(t, b.c.TryLease(&l))
		b.c.Ack(&l)
	}
}

// The large record gets its slots because small ones do not take each as it comes
// free.
func TestLargeRecordGetsThroughAmongSmallOnes(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		b := newBench(t, geometry(true, mc, 4), 0)
		small := b.producer(2)
		for range 4 {
			require.NoError(t, small.Send(nil))
		}
		large := make([]byte, 128)
		require.ErrorIs(t, b.p.Send(large), ring.ErrFull)
		require.True(t, b.p.AskTurn())
		var l ring.Lease
		for sent := false; !sent; {
			require.NoError(t, b.c.TryLease(&l))
			b.c.Ack(&l)
			require.ErrorIs(t, small.Send(nil), ring.ErrFull)
			sent = b.p.Send(large) == nil
		}
		require.True(t, b.p.DropTurn())
	}
}
