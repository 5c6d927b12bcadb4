package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
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
				require.Equal(t, ring.Reclaimed{Claims: 1}, b.r.Reclaim(2))
			}
			b.p = b.producer(0)
			b.send(100, id+2)
			dead := b.c
			b.lease(dead, id, 0)
			b.lease(dead, id+1, 0)
			if g.ManyConsumers {
				require.Equal(t, ring.Reclaimed{Takes: 2}, b.r.Reclaim(1))
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
