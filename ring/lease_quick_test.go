package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Leases of single records, one after the other, which go the short way.

func TestACopyOfASettledLeaseDoesNotSettleTheNext(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 4), 0)
		b.send(8, 1, 2, 3, 4)
		first := b.lease(b.c, 1, 0)
		again := *first
		require.True(t, b.c.Ack(first))
		second := b.lease(b.c, 2, 0)
		require.False(t, b.c.Ack(&again))
		b.send(8, 5)
		require.ErrorIs(t, b.p.Send(nil), ring.ErrFull, "the second is open")
		b.holds(second, 2)
		require.True(t, b.c.Ack(second))
		b.drained(b.c, 3, 4, 5)
	})
}

func TestOneOpenLeaseComesAgainAfterClose(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 4), 0)
		b.send(8, 1, 2)
		b.c.Ack(b.lease(b.c, 1, 0))
		b.lease(b.c, 2, 0)
		require.True(t, b.c.Holds())
		b.c.Close()
		require.False(t, b.c.Holds())
		heir := b.r.NewConsumer(2)
		heir.Ack(b.lease(heir, 2, 1))
		b.drained(heir)
	})
}

func TestALeaseStopsAtTheEndOfAStream(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.c.Listen(true)
		b.r.BeginStream()
		b.send(8, 1, 2)
		b.c.Ack(b.lease(b.c, 1, 0))
		b.r.FinishStream()
		b.r.LeaveStream()
		require.True(t, b.r.NoteEnd(true))
		b.r.WarnOfStream()
		b.r.BeginStream()
		b.send(8, 3)
		b.c.Ack(b.lease(b.c, 2, 0))
		b.empty(b.c)
	})
}

func TestALeaseFromBeforeCloseSettlesNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 4), 0)
		b.send(8, 1)
		stale := b.lease(b.c, 1, 0)
		b.c.Close()
		again := b.lease(b.c, 1, 1)
		require.False(t, b.c.Ack(stale))
		b.holds(again, 1)
		require.True(t, b.c.Ack(again))
		b.drained(b.c)
	})
}

// Where head is a hint it follows a consumer that does nothing but lease, at each multiple of the stride.
func TestHeadFollowsLeases(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		stride := uint64(1)
		if mc {
			stride = 4
			b.r.SetStride(stride)
		}
		for id := uint64(1); id < 100; id++ {
			b.send(8, id)
			b.c.Ack(b.lease(b.c, id, 0))
			require.Equal(t, id&^(stride-1), b.m.Hot(layout.HotHead))
		}
	})
}
