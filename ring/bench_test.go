package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Both ends on one goroutine: what the instructions of a call cost, without a line that
// moves between cores. Benchmarks between processes are those of shmq bench.

// benchEnds runs work, which passes n records through the ring, with one record of 48 bytes
// a slot, for every combination of roles.
func benchEnds(b *testing.B, n int, work func(*testing.B, *ring.Producer, *ring.Consumer)) {
	for i, name := range []string{"one-one", "one-many", "many-one", "many-many"} {
		b.Run(name, func(b *testing.B) {
			g := layout.Geometry{Slots: 1024, AreaSize: 64, Seats: 4, ManyProducers: i&2 != 0, ManyConsumers: i&1 != 0}
			r := ringtest.NewMappedRegion(b, g, 0).Ring()
			p, err := r.NewProducer(0)
			require.NoError(b, err)
			c := r.NewConsumer(1)
			_, _, err = c.TryReceive(nil) // a first scan for orphans
			require.Equal(b, ring.ErrEmpty, err)
			b.ReportAllocs()
			work(b, p, c)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/record")
		})
	}
}

func BenchmarkReceive(b *testing.B)  { benchReceive(b, 48) }
func BenchmarkReceive8(b *testing.B) { benchReceive(b, 8) }

func benchReceive(b *testing.B, size int) {
	rec := make([]byte, size)
	benchEnds(b, 1, func(b *testing.B, p *ring.Producer, c *ring.Consumer) {
		buf := make([]byte, 48)
		for b.Loop() {
			if p.Send(rec) != nil {
				b.Fatal()
			}
			if _, _, err := c.TryReceive(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkReceiveMarked is BenchmarkReceive with marks.
func BenchmarkReceiveMarked(b *testing.B) {
	rec := make([]byte, 48)
	benchEnds(b, 1, func(b *testing.B, p *ring.Producer, c *ring.Consumer) {
		if p.SendMarked(rec, layout.Mark{}) == ring.ErrManyProducers {
			b.Skip()
		}
		buf := make([]byte, 48)
		for n := uint64(0); b.Loop(); n++ {
			if _, _, err := c.TryReceive(buf); err != nil {
				b.Fatal(err)
			}
			if p.SendMarked(rec, layout.Mark{n}) != nil {
				b.Fatal()
			}
		}
	})
}

func BenchmarkLeaseAndAcknowledge(b *testing.B) {
	rec := make([]byte, 48)
	benchEnds(b, 1, func(b *testing.B, p *ring.Producer, c *ring.Consumer) {
		for b.Loop() {
			if p.Send(rec) != nil {
				b.Fatal()
			}
			var l ring.Lease
			if err := c.TryLease(&l); err != nil {
				b.Fatal(err)
			}
			c.Ack(&l)
		}
	})
}

// benchBatch is the number of records of a batch.
const benchBatch = 16

func BenchmarkReceiveBatch(b *testing.B) {
	recs, bufs := make([][]byte, benchBatch), make([][]byte, benchBatch)
	for i := range recs {
		recs[i], bufs[i] = make([]byte, 48), make([]byte, 48)
	}
	benchEnds(b, benchBatch, func(b *testing.B, p *ring.Producer, c *ring.Consumer) {
		for b.Loop() {
			if n, err := p.SendBatch(recs); n != benchBatch {
				b.Fatal(n, err)
			}
			if n, _, err := c.TryReceiveBatch(bufs); n != benchBatch {
				b.Fatal(n, err)
			}
		}
	})
}

func BenchmarkLeaseBatch(b *testing.B) {
	recs := make([][]byte, benchBatch)
	for i := range recs {
		recs[i] = make([]byte, 48)
	}
	benchEnds(b, benchBatch, func(b *testing.B, p *ring.Producer, c *ring.Consumer) {
		ls := make([]ring.Lease, benchBatch)
		for b.Loop() {
			if n, err := p.SendBatch(recs); n != benchBatch {
				b.Fatal(n, err)
			}
			if n, err := c.TryLeaseBatch(ls); n != benchBatch {
				b.Fatal(n, err)
			}
			c.AckBatch(ls)
		}
	})
}

func BenchmarkNothingToReceive(b *testing.B) {
	benchEnds(b, 1, func(b *testing.B, _ *ring.Producer, c *ring.Consumer) {
		var buf []byte
		for b.Loop() {
			if _, _, err := c.TryReceive(buf); err != ring.ErrEmpty {
				b.Fatal(err)
			}
		}
	})
}
