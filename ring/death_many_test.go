package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Where a side is many, what its dead held is named in the words. Here they die by
// being forgotten; the words are set back by hand where they die inside a call.

func TestDeadProducersClaimIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		for _, n := range []int{8, 100} {
			b := newBench(t, geometry(true, mc, 8), 0)
			b.send(8, 1)
			dead := b.producer(3)
			_, err := dead.Reserve(n)
			require.NoError(t, err)
			b.send(8, 2)
			b.c.Ack(b.lease(b.c, 1, 0))
			b.empty(b.c)
			require.False(t, b.c.Idle())
			require.Equal(t, ring.Swept{}, b.r.Sweep(2), "another's seat")
			require.Equal(t, ring.Swept{Claims: 1}, b.r.Sweep(3))
			require.Equal(t, ring.Swept{}, b.r.Sweep(3))
			require.EqualValues(t, 1, b.r.Skipped())
			b.drained(b.c, 2)
		}
	}
}

func TestDeadProducersClaimIsPassedOverThoughTailDoesNotKnowIt(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		b := newBench(t, geometry(true, mc, 8), 0)
		dead := b.producer(3)
		_, err := dead.Reserve(100)
		require.NoError(t, err)
		b.m.SetHot(layout.HotTail, 0) // as it was between the claim and tail
		require.Equal(t, ring.Swept{Claims: 1}, b.r.Sweep(3))
		_, tail := b.r.Positions()
		require.EqualValues(t, 2, tail)
		b.send(8, 1)
		b.drained(b.c, 1)
	}
}

func TestHalfCutBatchOfADeadProducerIsPassedOverWhole(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		b := newBench(t, geometry(true, mc, 8), 0)
		dead := b.producer(3)
		n, err := dead.SendBatch([][]byte{ringtest.Record(1, 8), ringtest.Record(2, 100), ringtest.Record(3, 8)})
		require.NoError(t, err)
		require.Equal(t, 3, n)
		b.m.SetWord(0, layout.ClaimedWord(0, 4, 3, 3)) // all but the first word's store
		b.send(8, 4)
		b.empty(b.c)
		require.Equal(t, ring.Swept{Claims: 1}, b.r.Sweep(3))
		b.drained(b.c, 4)
	}
}

func TestDeadConsumersRecordGoesToAnother(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		for _, n := range []int{8, 100} {
			b := newBench(t, geometry(mp, true, 8), 0)
			b.send(n, 1, 2)
			other := b.r.NewConsumer(2)
			b.lease(b.c, 1, 0)
			other.Ack(b.lease(other, 2, 0))
			b.empty(other)
			require.Equal(t, ring.Swept{Takes: 1, Records: 1}, b.r.Sweep(1))
			other.Ack(b.lease(other, 1, 1))
			b.drained(other)
		}
	}
}

func TestDeadConsumersRecordGoesToAnotherThoughHeadDoesNotKnowIt(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		b := newBench(t, geometry(mp, true, 8), 0)
		b.send(8, 1, 2)
		b.lease(b.c, 1, 0)
		b.m.SetHot(layout.HotHead, 0) // as it was between the take and head
		other := b.r.NewConsumer(2)
		require.Equal(t, ring.Swept{Takes: 1, Records: 1}, b.r.Sweep(1))
		head, _ := b.r.Positions()
		require.EqualValues(t, 1, head)
		other.Ack(b.lease(other, 1, 1))
		b.drained(other, 2)
	}
}

// A consumer dies after it acknowledged a record of two slots, before all of them
// are free: nothing is delivered again, and the slots come back.
func TestHalfFreedRecordOfADeadConsumerIsFreed(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		for _, freed := range []bool{false, true} {
			b := newBench(t, geometry(mp, true, 8), 0)
			b.send(100, 1)
			l := b.lease(b.c, 1, 0)
			b.c.Ack(l)
			b.m.SetWord(0, layout.ReadingWord(0, 2, 1, true, 3))
			if !freed {
				b.m.SetWord(1, layout.FreeWord(1, 3))
			}
			require.Equal(t, ring.Swept{Takes: 1, Records: 0}, b.r.Sweep(1))
			require.Equal(t, layout.OrphanAcked, b.m.Word(0).State())
			b.drained(b.r.NewConsumer(2))
		}
	}
}

func TestDeadConsumersBatchComesAgainExceptWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	for acked := range 8 {
		b := newBench(t, geometry(true, true, 8), 0)
		b.send(8, 1)
		b.send(100, 2)
		b.send(8, 3)
		ls := b.batch(b.c, 1, 2, 3)
		var left []uint64
		for i := range ls {
			if acked>>i&1 != 0 && acked != 7 { // all three would free it
				b.c.Ack(&ls[i])
			} else {
				left = append(left, uint64(i+1))
			}
		}
		require.Equal(t, ring.Swept{Takes: 1, Records: len(left)}, b.r.Sweep(1))
		next := b.r.NewConsumer(2)
		for _, id := range left {
			next.Ack(b.lease(next, id, 1))
		}
		b.drained(next)
	}
}

// Orphans are inherited by position, also where the ring's end lies between them,
// and before records that no consumer has seen.
func TestHeirsComeByPositionAcrossTheEndOfTheRing(t *testing.T) {
	t.Parallel()
	for start := range uint64(8) {
		b := newBench(t, geometry(true, true, 8), start)
		var dead []*ring.Consumer
		for seat := 2; seat < 6; seat++ {
			dead = append(dead, b.r.NewConsumer(seat))
		}
		b.send(8, 1, 2, 3, 4, 5, 6, 7)
		for i, c := range []int{0, 1, 0, 2, 3, 1} {
			b.lease(dead[c], uint64(i+1), 0)
		}
		for _, seat := range []int{5, 3, 4, 2} {
			require.Positive(t, b.r.Sweep(seat).Records)
		}
		for id := uint64(1); id <= 6; id++ {
			b.c.Ack(b.lease(b.c, id, 1))
		}
		b.drained(b.c, 7)
	}
}

// A scan for orphans looks at one lap of positions. A slot of it may meanwhile hold
// a newer orphan, whose hint is still to come: it is not that one's turn yet.
func TestNewerOrphanDoesNotOvertakeOlderOnes(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 4), 0)
	dead := b.r.NewConsumer(2)
	b.send(8, 1, 2, 3, 4)
	l1, l2, l3 := b.lease(dead, 1, 0), b.lease(dead, 2, 0), b.lease(dead, 3, 0)
	for _, l := range []*ring.Lease{l1, l2, l3} {
		dead.Release(l)
	}
	b.c.Ack(b.lease(b.c, 1, 1)) // the scan is at position 1, and ends at 3
	b.c.Ack(b.lease(b.c, 2, 1))
	dead.Ack(b.lease(dead, 3, 1))
	dead.Ack(b.lease(dead, 4, 0))
	b.send(8, 5, 6, 7) // positions 4, 5, 6 in slots 0, 1, 2
	b.lease(dead, 5, 0)
	b.lease(dead, 6, 0)
	b.lease(dead, 7, 0)
	b.m.SetWord(6, layout.OrphanWord(6, 1, false, 2)) // released, but for the hint
	b.empty(b.c)
	require.Equal(t, layout.Orphan, b.m.Word(6).State())
	require.Equal(t, ring.Swept{Takes: 2, Records: 2}, b.r.Sweep(2))
	b.c.Ack(b.lease(b.c, 5, 1))
	b.c.Ack(b.lease(b.c, 6, 1))
	b.c.Ack(b.lease(b.c, 7, 1))
	b.drained(b.c)
}

func TestHintIsRaisedAgainForARecovererThatDiedBeforeIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 4), 0)
	b.empty(b.c)
	b.send(8, 1)
	dead := b.r.NewConsumer(2)
	b.lease(dead, 1, 0)
	b.m.SetWord(0, layout.OrphanWord(0, 1, false, 2)) // a recoverer came this far
	b.empty(b.c)
	require.Equal(t, ring.Swept{}, b.r.Sweep(2))
	b.c.Ack(b.lease(b.c, 1, 1))
	b.drained(b.c)
}
