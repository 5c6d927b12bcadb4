package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

func TestLeasesAreAcknowledgedInAnyOrder(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 4), 0)
		b.send(8, 1, 2, 3, 4)
		l1, l2, l3, l4 := b.lease(b.c, 1, 0), b.lease(b.c, 2, 0), b.lease(b.c, 3, 0), b.lease(b.c, 4, 0)
		b.c.Ack(l3)
		b.c.Ack(l2)
		require.Nil(t, l2.Data)
		require.ErrorIs(t, b.p.Send([]byte("no room")), ring.ErrFull, "the oldest is not acknowledged")
		b.holds(l1, 1)
		b.holds(l4, 4)
		b.c.Ack(l1)
		b.send(8, 5, 6, 7)
		require.ErrorIs(t, b.p.Send([]byte("no room")), ring.ErrFull)
		b.c.Ack(l4)
		b.drained(b.c, 5, 6, 7)
	})
}

func TestReleasedRecordsComeAgainFlaggedAndOldestFirst(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 6)
		b.send(8, 1, 2)
		b.send(100, 3)
		b.send(8, 4)
		l1, l2, l3 := b.lease(b.c, 1, 0), b.lease(b.c, 2, 0), b.lease(b.c, 3, 0)
		b.c.Release(l3)
		b.c.Release(l1)
		b.c.Release(l2)
		require.False(t, b.c.Idle())
		require.True(t, b.c.Ready() || !mc)
		b.c.Release(b.lease(b.c, 1, 1))
		l1 = b.lease(b.c, 1, 2)
		b.c.Ack(b.lease(b.c, 2, 1))
		b.c.Ack(b.lease(b.c, 3, 1))
		b.c.Ack(l1)
		b.c.Ack(b.lease(b.c, 4, 0))
		b.drained(b.c)
	})
}

func TestReleasedRecordGoesToAnotherConsumer(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		b := newBench(t, geometry(mp, true, 8), 0)
		other := b.r.NewConsumer(2)
		b.empty(other) // it has looked for orphans already
		b.send(8, 1, 2)
		l := b.lease(b.c, 1, 0)
		other.Ack(b.lease(other, 2, 0))
		b.empty(other)
		b.c.Release(l)
		require.False(t, other.Idle())
		other.Ack(b.lease(other, 1, 1))
		b.empty(b.c)
		b.drained(other)
	}
}

func TestBatchIsTakenAsOneAndSettledOneByOne(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.send(8, 1)
		b.send(100, 2)
		b.send(8, 3, 4)
		n, err := b.c.TryLeaseBatch(nil)
		require.NoError(t, err)
		require.Zero(t, n)
		ls := b.batch(b.c, 1, 2, 3)
		b.c.Ack(&ls[1])
		b.c.Ack(&ls[2])
		b.holds(&ls[0], 1)
		b.c.Ack(&ls[0])
		ls = make([]ring.Lease, 5)
		n, err = b.c.TryLeaseBatch(ls)
		require.NoError(t, err)
		require.Equal(t, 1, n, "as many as are ready")
		b.c.Ack(&ls[0])
		_, err = b.c.TryLeaseBatch(ls)
		require.ErrorIs(t, err, ring.ErrEmpty)
		b.drained(b.c)
	})
}

func TestBatchEndsAtTheEndOfTheRingAndAtHalfOfIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 8), 6)
	b.send(8, 1, 2, 3, 4, 5, 6, 7, 8)
	for _, want := range []int{2, 4, 2} {
		ls := make([]ring.Lease, 8)
		n, err := b.c.TryLeaseBatch(ls)
		require.NoError(t, err)
		require.Equal(t, want, n)
		for i := range n {
			b.c.Ack(&ls[i])
		}
	}
	b.drained(b.c)
}

func TestReleasedMemberOfABatchComesAgain(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for released := range 3 { // first, middle and last
			b := newBench(t, geometry(mp, mc, 8), 0)
			b.send(8, 1)
			b.send(100, 2)
			b.send(8, 3)
			ls := b.batch(b.c, 1, 2, 3)
			b.c.Release(&ls[released])
			for i := range ls {
				b.c.Ack(&ls[i])
			}
			b.c.Ack(b.lease(b.c, uint64(released+1), 1))
			b.drained(b.c)
		}
	})
}

// Copies of a lease that was settled do nothing, whatever became of its slots.
func TestLeaseIsSettledOnce(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		stale := func(b *bench, copies ...ring.Lease) {
			for _, l := range copies {
				one, two := l, l
				b.c.Ack(&one)
				b.c.Release(&two)
			}
		}
		t.Run("acknowledged", func(t *testing.T) {
			b := newBench(t, geometry(mp, mc, 4), 0)
			b.send(8, 1, 2)
			l1, l2 := b.lease(b.c, 1, 0), b.lease(b.c, 2, 0)
			was := *l1
			b.c.Ack(l1)
			b.c.Ack(l1)
			stale(b, was)
			b.holds(l2, 2)
			b.send(8, 3, 4, 5)
			stale(b, was)
			require.ErrorIs(t, b.p.Send(nil), ring.ErrFull)
			b.c.Ack(l2)
			b.drained(b.c, 3, 4, 5)
		})
		t.Run("released", func(t *testing.T) {
			b := newBench(t, geometry(mp, mc, 4), 0)
			b.send(8, 1, 2)
			l1 := b.lease(b.c, 1, 0)
			was := *l1
			b.c.Release(l1)
			b.c.Ack(l1)
			stale(b, was)
			l1 = b.lease(b.c, 1, 1)
			stale(b, was) // it is leased again, but not by this copy
			b.send(8, 3, 4)
			require.ErrorIs(t, b.p.Send(nil), ring.ErrFull)
			b.holds(l1, 1)
			b.c.Release(l1)
			b.drained(b.c, 1, 2, 3, 4)
		})
		t.Run("in a batch", func(t *testing.T) {
			b := newBench(t, geometry(mp, mc, 8), 0)
			b.send(8, 1, 2, 3)
			ls := b.batch(b.c, 1, 2, 3)
			was := append([]ring.Lease(nil), ls...)
			b.c.Release(&ls[1])
			stale(b, was[1])
			b.c.Ack(&ls[0])
			stale(b, was[0])
			b.holds(&ls[2], 3)
			b.c.Ack(&ls[2])
			stale(b, was...)
			b.send(8, 4, 5)
			l := b.lease(b.c, 2, 1)
			again := b.batch(b.c, 4, 5)
			stale(b, was...) // its batch may be another by now
			b.holds(l, 2)
			b.holds(&again[0], 4)
			b.holds(&again[1], 5)
			b.c.Ack(l)
			b.c.Ack(&again[0])
			b.c.Ack(&again[1])
			b.drained(b.c)
		})
		t.Run("closed", func(t *testing.T) {
			b := newBench(t, geometry(mp, mc, 8), 0)
			b.send(8, 1, 2, 3)
			was := b.batch(b.c, 1, 2)
			was = append(was, *b.lease(b.c, 3, 0))
			b.c.Close()
			stale(b, was...)
			held := []*ring.Lease{b.lease(b.c, 1, 1), b.lease(b.c, 2, 1), b.lease(b.c, 3, 1)}
			stale(b, was...)
			for i, l := range held {
				b.holds(l, uint64(i+1))
				b.c.Release(l)
			}
			b.drained(b.c, 1, 2, 3)
		})
	})
}

func TestClosedConsumerLeavesItsLeasesToTheNext(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 4)
		b.send(8, 1)
		b.send(100, 2)
		b.send(8, 3, 4)
		b.lease(b.c, 1, 0)
		b.batch(b.c, 2, 3)
		b.c.Close()
		b.c.Close()
		next := b.r.NewConsumer(2)
		next.Ack(b.lease(next, 1, 1))
		next.Ack(b.lease(next, 2, 1))
		next.Ack(b.lease(next, 3, 1))
		next.Ack(b.lease(next, 4, 0))
		b.drained(next)
	})
}

// An heir takes a dead consumer's batch whole and hands it out one by one; when it
// closes in between, the rest is for others.
func TestClosedHeirLeavesWhatItHasNotHandedOut(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 8), 0)
	b.send(8, 1, 2, 3)
	b.batch(b.c, 1, 2, 3)
	require.Equal(t, ring.Swept{Takes: 1, Records: 3}, b.r.Sweep(1))
	heir, next := b.r.NewConsumer(2), b.r.NewConsumer(3)
	l := b.lease(heir, 1, 1)
	b.empty(next)
	heir.Ack(l)
	heir.Close()
	require.Equal(t, layout.OrphanAcked, b.m.Word(0).State())
	next.Ack(b.lease(next, 2, 1))
	next.Ack(b.lease(next, 3, 1))
	b.drained(next)
}

func TestConsumerIsIdleOnlyWhenNothingIsOnItsWay(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 4), 3)
		b.empty(b.c)
		require.True(t, b.c.Idle())
		require.False(t, b.c.Ready())
		if mp {
			_, err := b.p.Reserve(8)
			require.NoError(t, err)
			b.empty(b.c)
			require.False(t, b.c.Idle(), "a record is being written")
			require.False(t, b.c.Ready())
			b.p.Abort()
			b.empty(b.c)
		}
		b.send(8, 1)
		require.False(t, b.c.Idle())
		require.True(t, b.c.Ready())
		l := b.lease(b.c, 1, 0)
		require.True(t, b.c.Idle(), "what is leased has arrived")
		b.c.Release(l)
		require.False(t, b.c.Idle())
		b.drained(b.c, 1)
	})
}

// Idle begins at head, which may lag. Where others took and freed a slot since it was
// moved, it goes on to what follows.
func TestConsumerIsIdleBehindAHeadThatLags(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 4), 0)
	b.drained(b.c)
	head, _ := b.r.Positions()
	b.send(8, 1)
	b.c.Ack(b.lease(b.c, 1, 0))
	require.True(t, b.c.Idle())
	b.m.SetHot(layout.HotHead, head)
	late := b.r.NewConsumer(1)
	require.ErrorIs(t, late.TryLease(&ring.Lease{}), ring.ErrEmpty)
	require.True(t, late.Idle())
	b.m.SetHot(layout.HotHead, head)
	b.send(8, 2)
	require.False(t, late.Idle())
	require.True(t, late.Ready())
}

func TestDeliveriesAreCountedAsFarAsTheFieldGoes(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 4), 0)
		b.send(8, 1)
		b.c.Release(b.lease(b.c, 1, 0))
		b.m.SetDescription(0, 8, 0xfffe<<layout.MetaDeliveriesShift)
		b.c.Release(b.lease(b.c, 1, 0xffff))
		b.c.Release(b.lease(b.c, 1, 0x10000))
		b.c.Ack(b.lease(b.c, 1, 0x10000))
		b.send(8, 2)
		b.c.Ack(b.lease(b.c, 2, 0))
	})
}
