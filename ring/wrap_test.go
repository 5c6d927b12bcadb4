package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// boundaries are positions at which some word's bits wrap, or its lap's sign turns.
var boundaries = []uint64{1 << 31, 1 << 32, 1 << 36, 1 << 46, 1 << 49, 1 << 50, 1 << 56, 1 << 59, 1 << 60, 1 << 63, 0}

func eachBoundary(t *testing.T, f func(t *testing.T, g layout.Geometry, start uint64)) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for _, at := range boundaries {
			t.Run(fmt.Sprintf("at=%#x", at), func(t *testing.T) {
				for _, before := range []uint64{1, 2, 3, 5, 8, 13} {
					f(t, geometry(mp, mc, 8), at-before)
				}
			})
		}
	})
}

func TestRecordsOfEverySizeCrossEveryWrap(t *testing.T) {
	eachBoundary(t, func(t *testing.T, g layout.Geometry, start uint64) {
		b := newBench(t, g, start)
		rng := rand.New(rand.NewPCG(start, 3))
		var sizes []int
		held := uint64(1) // the oldest record that was not acknowledged
		for id := uint64(1); id <= 60; {
			n := ringtest.MinRecord + rng.IntN(b.p.MaxRecord()-ringtest.MinRecord+1)
			if err := b.p.Send(ringtest.Record(id, n)); err == nil {
				sizes = append(sizes, n)
				id++
				continue
			}
			if held == id {
				b.empty(b.c) // a filler is all there is
				continue
			}
			l := b.lease(b.c, held, 0)
			if rng.IntN(3) == 0 {
				b.c.Release(l)
				l = b.lease(b.c, held, 1)
			}
			require.Len(t, l.Data, sizes[held-1])
			b.c.Ack(l)
			held++
		}
		for ; held <= 60; held++ {
			b.c.Ack(b.lease(b.c, held, 0))
		}
		b.drained(b.c)
	})
}

func TestTheDeadAreReclaimedAcrossEveryWrap(t *testing.T) {
	eachBoundary(t, func(t *testing.T, g layout.Geometry, start uint64) {
		b := newBench(t, g, start)
		for id := uint64(1); id < 60; id += 3 {
			b.send(8, id, id+1)
			if g.ManyProducers {
				dead := b.producer(2)
				_, err := dead.Reserve(80)
				require.NoError(t, err)
				require.Equal(t, ring.Swept{Claims: 1}, b.r.Sweep(2))
			}
			b.p = b.producer(0)
			b.send(100, id+2)
			dead := b.c
			b.lease(dead, id, 0)
			b.lease(dead, id+1, 0)
			if g.ManyConsumers {
				require.Equal(t, ring.Swept{Takes: 2, Records: 2}, b.r.Sweep(1))
			}
			b.c = b.r.NewConsumer(1)
			b.c.Ack(b.lease(b.c, id, 1))
			b.c.Ack(b.lease(b.c, id+1, 1))
			b.c.Ack(b.lease(b.c, id+2, 0))
			b.empty(b.c)
		}
		b.drained(b.c)
	})
}

func TestBatchesCrossEveryWrap(t *testing.T) {
	eachBoundary(t, func(t *testing.T, g layout.Geometry, start uint64) {
		b := newBench(t, g, start)
		next := uint64(1)
		for id := uint64(1); id < 80; {
			n, err := b.p.SendBatch([][]byte{ringtest.Record(id, 8), ringtest.Record(id+1, 90), ringtest.Record(id+2, 8)})
			require.NoError(t, err)
			id += uint64(n)
			for next < id {
				ls := make([]ring.Lease, 3)
				n, err := b.c.TryLeaseBatch(ls)
				require.NoError(t, err)
				for i := range ls[:n] {
					b.holds(&ls[i], next)
					next++
				}
				for i := range ls[:n] {
					b.c.Ack(&ls[n-1-i])
				}
			}
		}
		b.drained(b.c)
	})
}

// Batches that are taken and acknowledged at once, whose holder dies with some of their
// records acknowledged, or that are received by copy.
func TestBatchesOfTheDeadCrossEveryWrap(t *testing.T) {
	eachBoundary(t, func(t *testing.T, g layout.Geometry, start uint64) {
		b := newBench(t, g, start)
		for id := uint64(1); id < 60; id += 6 {
			b.send(8, id, id+1, id+2)
			ls := make([]ring.Lease, 3)
			n, err := b.c.TryLeaseBatch(ls) // fewer at the end of the ring
			require.NoError(t, err)
			b.c.Ack(&ls[0])
			if g.ManyConsumers {
				b.r.Sweep(1)
			}
			b.c = b.r.NewConsumer(1) // its predecessor is dead
			for i := uint64(1); i < 3; i++ {
				again := 0
				if i < uint64(n) {
					again = 1
				}
				b.c.Ack(b.lease(b.c, id+i, again))
			}

			b.send(8, id+3, id+4, id+5)
			if id%12 == 1 {
				for next := id + 3; next < id+6; {
					n, err := b.c.TryLeaseBatch(ls)
					require.NoError(t, err)
					for i := range ls[:n] {
						b.holds(&ls[i], next+uint64(i))
					}
					acked, _ := b.c.AckBatch(ls[:n])
					require.Equal(t, n, acked)
					next += uint64(n)
				}
			} else {
				bufs := make([][]byte, 4)
				for next := id + 3; next < id+6; {
					n, again, err := b.c.TryReceiveBatch(bufs)
					require.NoError(t, err)
					require.Zero(t, again)
					for _, got := range bufs[:n] {
						was, err := ringtest.ReadRecord(got)
						require.NoError(t, err)
						require.Equal(t, next, was)
						next++
					}
				}
			}
			b.empty(b.c)
		}
		b.drained(b.c)
	})
}

// A viewer from outside sees each record at its position. (At 2^64 a viewer that
// starts anew takes the ring for a new one.)
func TestTheViewCrossesEveryWrap(t *testing.T) {
	eachBoundary(t, func(t *testing.T, g layout.Geometry, start uint64) {
		b := newBench(t, g, start)
		v := inspect.NewViewer(b.r)
		v.Seek(start)
		pos := start
		for id := uint64(1); id < 40; id++ {
			b.send(8, id)
			var rec inspect.Record
			require.NoError(t, v.Next(&rec))
			require.Equal(t, pos, rec.Pos)
			got, err := ringtest.ReadRecord(rec.Data)
			require.NoError(t, err)
			require.Equal(t, id, got)
			s := inspect.NewSurvey(b.r)
			require.Equal(t, 1, s.Records)
			l := b.lease(b.c, id, 0)
			s = inspect.NewSurvey(b.r)
			if g.ManyConsumers {
				require.Equal(t, inspect.Holding{Takes: 1, Records: 1, Slots: 1, First: pos}, s.Seats[1])
			} else {
				require.Equal(t, inspect.Holding{Records: 1, Slots: 1, First: pos}, s.Handed)
			}
			b.c.Ack(l)
			pos++
		}
	})
}

// Counts that only are compared go on at their end.
func TestCountsWrap(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 8), 0)
	for _, off := range []uint64{layout.HotOrphans, layout.HotSkipped, layout.HotEpoch, layout.HotFinished} {
		b.m.SetHot(off, 1<<64-2)
	}
	require.True(t, b.r.Finished())
	for id := uint64(1); id < 6; id++ {
		b.r.BeginStream()
		require.False(t, b.r.Finished(), "a producer came after the mark")
		b.send(8, id)
		dead := b.r.NewConsumer(2)
		b.lease(dead, id, 0)
		require.Equal(t, ring.Swept{Takes: 1, Records: 1}, b.r.Sweep(2))
		b.c.Ack(b.lease(b.c, id, 1)) // the count of orphans changed
		p := b.producer(3)
		_, err := p.Reserve(8)
		require.NoError(t, err)
		require.Equal(t, ring.Swept{Claims: 1}, b.r.Sweep(3))
		b.empty(b.c)
	}
	require.EqualValues(t, 3, b.r.Skipped())
	require.EqualValues(t, 3, b.m.Hot(layout.HotEpoch))
	b.r.FinishStream()
	require.True(t, b.r.Finished())
	require.NoError(t, inOrder(b.r))
}

// The turn has 26 bits of milliseconds, which is 18 hours, and as many of positions. It is
// heeded across the end of both, and not again 18 hours later, but for its last moments.
func TestTheTurnAtTheEndOfItsClockAndOfItsPositions(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		for ms := uint64(1<<26 - 300); ms < 1<<26+300; ms += 50 {
			for _, start := range []uint64{1<<26 - 5, 1<<26 - 8, 1<<26 - 1, 1 << 26} {
				b := newBench(t, geometry(true, mc, 8), start)
				large := b.producer(2)
				b.m.Millis.Store(ms)
				b.send(8, 1, 2, 3, 4, 5)
				b.waitsFor(large, 4*64)
				require.Equal(t, 3, b.sends(b.p), "free before it asked")
				b.c.Ack(b.lease(b.c, 1, 0))
				b.m.Millis.Add(ring.TurnMillis - 1)
				require.Zero(t, b.sends(b.p), "kept")
				b.m.Millis.Add(1)
				require.Equal(t, 1, b.sends(b.p), "lapsed")
				b.c.Ack(b.lease(b.c, 2, 0))
				b.m.Millis.Add(1 << 25)
				require.Equal(t, 1, b.sends(b.p))
			}
		}
	}
}

func TestDeliveriesAreCountedUpToALimit(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.send(8, 1)
		b.m.SetDescription(0, ringtest.MinRecord, (1<<16-2)<<layout.MetaDeliveriesShift)
		b.m.SetHot(layout.HotHandout, 1)
		for range 4 {
			b.c.Release(mustLease(b))
		}
		require.Equal(t, 1<<16, mustLease(b).Redelivered)
	})
}

func mustLease(b *bench) *ring.Lease {
	b.Helper()
	l := &ring.Lease{}
	require.NoError(b, b.c.TryLease(l))
	return l
}
