package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// place returns the place of the next record, and acknowledges it.
func (b *bench) place(c *ring.Consumer) place {
	b.Helper()
	var l ring.Lease
	require.NoError(b, c.TryLease(&l))
	incarnation, pos := l.Place()
	c.Ack(&l)
	again, posAgain := l.Place()
	require.Equal(b, place{incarnation, pos}, place{again, posAgain}, "also when it is settled")
	return place{incarnation, pos}
}

func TestRecordsStayOfTheIncarnationInWhichTheyWereSent(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 16), 7)
		b.send(8, 1)
		b.r.BeginIncarnation(0xa)
		b.send(8, 2)
		b.send(100, 3)
		b.r.BeginIncarnation(0xb)
		b.r.BeginIncarnation(0xc) // nothing was sent in between
		b.send(8, 4)
		c := b.r.NewConsumer(1)
		for _, want := range []place{{0, 7}, {0xa, 8}, {0xa, 9}, {0xc, 11}} {
			require.Equal(t, want, b.place(c))
		}
		var none ring.Lease
		incarnation, pos := none.Place()
		require.Zero(t, incarnation)
		require.Zero(t, pos)
	})
}

// A participant that attaches alone, again and again, and sends nothing, wears nothing out.
func TestAnIncarnationOfWhichNothingWasSentIsForgotten(t *testing.T) {
	b := newBench(t, geometry(true, true, 16), 0)
	b.r.BeginIncarnation(0xa)
	b.send(8, 1)
	for i := range uint64(3 * layout.IncarnationCount) {
		b.r.BeginIncarnation(0x100 + i)
	}
	require.EqualValues(t, 2, b.r.LatestIncarnation())
	require.Equal(t, place{0xa, 0}, b.place(b.r.NewConsumer(1)))
}

// A single producer that was killed between its record and tail has sent the record: it is
// not of the incarnation that begins next.
func TestTheRecordThatTailLagsBehindIsOfTheOldIncarnation(t *testing.T) {
	for _, mc := range []bool{false, true} {
		for _, size := range []int{8, 200} {
			b := newBench(t, geometry(false, mc, 16), 30)
			b.r.BeginIncarnation(0xa)
			b.send(8, 1)
			_, tail := b.r.Positions()
			b.send(size, 2)
			b.m.SetHot(layout.HotTail, tail)
			b.r.BeginIncarnation(0xb)
			p, err := b.r.NewProducer(0)
			require.NoError(t, err)
			b.p = p
			b.send(8, 3)
			c := b.r.NewConsumer(1)
			for _, want := range []uint64{0xa, 0xa, 0xb} {
				require.Equal(t, want, b.place(c).incarnation)
			}
		}
	}
}

func TestIncarnationsOfAScribbledTable(t *testing.T) {
	b := newBench(t, geometry(true, true, 8), 0)
	for i := range b.m.Bytes[layout.HotOffset+layout.HotIncarnations : layout.SeatOffset] {
		b.m.Bytes[layout.HotOffset+layout.HotIncarnations+i] = byte(i * 7)
	}
	b.send(8, 1)
	require.Zero(t, b.place(b.r.NewConsumer(1)).incarnation)
	b.r.BeginIncarnation(5)
	b.send(8, 2)
	require.Equal(t, place{5, 1}, b.place(b.r.NewConsumer(1)))
}

func TestHome(t *testing.T) {
	b := newBench(t, geometry(true, true, 8), 0)
	require.Zero(t, b.r.Home())
	b.r.SetImage(1)
	b.r.SetHome(2)
	require.EqualValues(t, []uint64{1, 2}, []uint64{b.r.Image(), b.r.Home()})
}

// A lineage that was there before sees what begins.
func TestALineageFollowsTheTable(t *testing.T) {
	b := newBench(t, geometry(true, true, 16), 0)
	l := b.r.NewLineage()
	require.Zero(t, l.Of(0))
	for i := range uint64(3 * layout.IncarnationCount) {
		b.r.BeginIncarnation(2 * i)
		b.r.BeginIncarnation(2*i + 1)
		require.Equal(t, 2*i+1, l.Of(i))
		require.Equal(t, 2*i+1, b.r.NewLineage().Of(i))
		b.send(8, i)
		b.place(b.c)
	}
}
