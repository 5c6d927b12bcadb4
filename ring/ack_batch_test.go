package ring_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

func TestAckBatch(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.empty(b.c)
		b.send(40, 1, 2, 3, 4)
		ls := b.batch(b.c, 1, 2, 3, 4)
		stale := slices.Clone(ls)
		n, bytes := b.c.AckBatch(ls)
		require.Equal(t, 4, n)
		require.Equal(t, 160, bytes)
		n, _ = b.c.AckBatch(ls)
		require.Zero(t, n)
		b.send(40, 5, 6, 7, 8, 9, 10)
		b.c.AckBatch(stale) // void, whichever consumer has the slots now
		part := b.batch(b.c, 5, 6, 7)
		b.c.AckBatch(part[1:])
		other := b.r.NewConsumer(2)
		n, _ = other.AckBatch(part[:1])
		require.Zero(t, n, "it is another's")
		b.c.AckBatch(part)
		b.drained(b.c, 8, 9, 10)
	})
}

func TestAckBatchOfAPartKeepsTheRest(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.empty(b.c)
		b.send(40, 1, 2, 3)
		ls := b.batch(b.c, 1, 2, 3)
		b.c.AckBatch(ls[:2])
		b.r.Sweep(1) // the consumer dies
		heir := b.r.NewConsumer(1)
		heir.Ack(b.lease(heir, 3, 1))
		b.drained(heir)
	})
}

func TestAckBatchAfterCloseLeavesTheHeirAlone(t *testing.T) {
	b := newBench(t, geometry(true, true, 8), 0)
	b.empty(b.c)
	b.send(40, 1, 2, 3)
	ls := b.batch(b.c, 1, 2, 3)
	b.c.Close()
	heir := b.r.NewConsumer(2)
	first := b.lease(heir, 1, 1)
	b.c.AckBatch(ls) // void since Close
	require.False(t, b.c.Holds())
	b.holds(first, 1)
	heir.Ack(first)
	heir.Ack(b.lease(heir, 2, 1))
	heir.Ack(b.lease(heir, 3, 1))
	b.drained(heir)
}

// A slice with open leases can be used for the next batch by mistake, or to poll. What
// was not handed out must not touch them: to settle them would settle other slots.
func TestAFailedBatchLeavesOpenLeasesAsTheyAre(t *testing.T) {
	b := newBench(t, geometry(true, true, 16), 0)
	b.empty(b.c)
	b.send(40, 1, 2, 3)
	ls := b.batch(b.c, 1, 2, 3)
	b.send(40, 4, 5, 6)
	b.m.SetDescription(4, 1<<31, 0) // of record 5
	reused := slices.Clone(ls)
	n, err := b.c.TryLeaseBatch(reused)
	require.ErrorIs(t, err, ring.ErrDamaged)
	require.Equal(t, 1, n)
	require.Equal(t, ls[1:], reused[1:])
	_, err = b.c.TryLeaseBatch(ls)
	require.ErrorIs(t, err, ring.ErrEmpty)
	for i := range ls {
		b.c.Ack(&ls[i])
	}
	require.Equal(t, layout.FreeWord(16, 4), b.m.Word(0))
	require.Equal(t, layout.Full, b.m.Word(4).State(), "still of the take that failed")
}
