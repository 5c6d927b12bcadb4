package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// geometry is a small ring of areas of 64 bytes: records of up to 64 bytes take one
// slot, of up to 128 two, and so on.
func geometry(manyProducers, manyConsumers bool, slots uint64) layout.Geometry {
	return layout.Geometry{ManyProducers: manyProducers, ManyConsumers: manyConsumers, Seats: 8, Slots: slots, AreaSize: 64}
}

// bench is a region with a producer on seat 0 and a consumer on seat 1.
type bench struct {
	*testing.T
	m *ringtest.Region
	r *ring.Ring
	p *ring.Producer
	c *ring.Consumer
}

func newBench(t *testing.T, g layout.Geometry, start uint64) *bench {
	t.Helper()
	m := ringtest.NewRegion(g, start)
	b := &bench{T: t, m: m, r: m.Ring()}
	b.p = b.producer(0)
	b.c = b.r.NewConsumer(1)
	return b
}

func (b *bench) producer(seat int) *ring.Producer {
	b.Helper()
	p, err := b.r.NewProducer(seat)
	require.NoError(b, err)
	return p
}

// send sends one record of n bytes for each id.
func (b *bench) send(n int, ids ...uint64) {
	b.Helper()
	for _, id := range ids {
		require.NoError(b, b.p.Send(ringtest.Record(id, n)), "record %d", id)
	}
}

// lease takes the next record of c, which must be id, and delivered before as often
// as redelivered says.
func (b *bench) lease(c *ring.Consumer, id uint64, redelivered int) *ring.Lease {
	b.Helper()
	l := &ring.Lease{}
	require.NoError(b, c.TryLease(l))
	b.holds(l, id)
	require.Equal(b, redelivered, l.Redelivered, "redelivered, record %d", id)
	return l
}

func (b *bench) holds(l *ring.Lease, id uint64) {
	b.Helper()
	got, err := ringtest.ReadRecord(l.Data)
	require.NoError(b, err)
	require.Equal(b, id, got)
	require.True(b, b.m.Holds(l.Data))
}

// batch takes the records ids as one batch.
func (b *bench) batch(c *ring.Consumer, ids ...uint64) []ring.Lease {
	b.Helper()
	ls := make([]ring.Lease, len(ids))
	n, err := c.TryLeaseBatch(ls)
	require.NoError(b, err)
	require.Equal(b, len(ids), n)
	for i, id := range ids {
		b.holds(&ls[i], id)
	}
	return ls
}

func (b *bench) empty(c *ring.Consumer) {
	b.Helper()
	require.ErrorIs(b, c.TryLease(&ring.Lease{}), ring.ErrEmpty)
}

// drained takes and acknowledges records ids one by one, then checks that c is at
// the end and that all slots can be used again, two laps over.
func (b *bench) drained(c *ring.Consumer, ids ...uint64) {
	b.Helper()
	for _, id := range ids {
		l := &ring.Lease{}
		require.NoError(b, c.TryLease(l), "record %d", id)
		b.holds(l, id)
		c.Ack(l)
	}
	b.empty(c)
	require.True(b, c.Idle())
	slots := b.m.Geometry.Slots
	for id := uint64(1 << 50); id < 1<<50+2*slots; id += slots {
		for i := range slots {
			b.send(ringtest.MinRecord, id+i)
		}
		require.ErrorIs(b, b.p.Send([]byte("one more")), ring.ErrFull)
		for i := range slots {
			c.Ack(b.lease(c, id+i, 0))
		}
		b.empty(c)
	}
}
