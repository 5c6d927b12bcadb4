package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

func eachStamped(t *testing.T, f func(t *testing.T, g layout.Geometry)) {
	for _, sums := range []bool{false, true} {
		eachMode(t, func(t *testing.T, mp, mc bool) {
			g := geometry(mp, mc, 32)
			g.Checksum, g.Timestamps = sums, true
			f(t, g)
		})
	}
}

// clocked is a bench whose clock goes on by one at each look.
func clocked(t *testing.T, g layout.Geometry) (b *bench, now *uint64) {
	now = new(uint64)
	*now = 1000
	b = newBench(t, g, 5)
	b.r.SetNow(func() uint64 { *now++; return *now })
	return b, now
}

func TestRecordsSayWhenTheyWereSent(t *testing.T) {
	eachStamped(t, func(t *testing.T, g layout.Geometry) {
		b, now := clocked(t, g)
		sizes := []int{8, g.InlineSize(), g.InlineSize() + 1, 48, 64, 200}
		for i, n := range sizes { // 1001 and so on
			b.send(n, uint64(i))
		}
		room, err := b.p.Reserve(100)
		require.NoError(t, err)
		*now = 2000
		ringtest.FillRecord(room[:50], 77, 0, 50)
		require.NoError(t, b.p.Commit(50)) // 2001: when it is published
		var batch [][]byte
		for i := range 3 {
			batch = append(batch, ringtest.Record(uint64(100+i), 20+30*i))
		}
		n, err := b.p.SendBatch(batch) // 2002, one for all
		require.NoError(t, err)
		require.Equal(t, 3, n)
		b.send(8, 200) // 2003

		v := inspect.NewViewer(b.r)
		want := []uint64{1001, 1002, 1003, 1004, 1005, 1006, 2001, 2002, 2002, 2002, 2003}
		for _, sent := range want {
			var rec inspect.Record
			require.NoError(t, v.Next(&rec))
			require.Equal(t, sent, rec.Sent)
			_, err := ringtest.ReadRecord(rec.Data)
			require.NoError(t, err)
		}
		for i, sent := range want {
			var l ring.Lease
			require.NoError(t, b.c.TryLease(&l))
			_, err := ringtest.ReadRecord(l.Data)
			require.NoError(t, err)
			require.Equal(t, sent, l.SentAt(), "record %d", i)
			if i == 3 { // it keeps it
				b.c.Release(&l)
				require.NoError(t, b.c.TryLease(&l))
				require.Equal(t, 1, l.Redelivered)
				require.Equal(t, sent, l.SentAt())
			}
			b.c.Ack(&l)
			require.Zero(t, l.SentAt())
		}
	})
}

func TestAFullRingDoesNotAgeARecord(t *testing.T) {
	eachStamped(t, func(t *testing.T, g layout.Geometry) {
		b, now := clocked(t, g)
		for i := range g.Slots {
			b.send(8, i)
		}
		*now = 5000
		require.ErrorIs(t, b.p.Send(ringtest.Record(9, 8)), ring.ErrFull)
		*now = 6000
		for range g.Slots {
			_, _, err := b.c.TryReceive(nil)
			require.NoError(t, err)
		}
		b.send(8, 9)
		var l ring.Lease
		require.NoError(t, b.c.TryLease(&l))
		require.EqualValues(t, 6001, l.SentAt())
	})
}

// Records are received by all ways, and whole, with the shorter lines that a time stamp
// leaves.
func TestTimeStampsLeaveRecordsAsTheyAre(t *testing.T) {
	eachStamped(t, func(t *testing.T, g layout.Geometry) {
		b, _ := clocked(t, g)
		for size := ringtest.MinRecord; size <= 130; size++ {
			b.send(size, uint64(size), uint64(size)+1000, uint64(size)+2000, uint64(size)+3000)
			data, _, err := b.c.TryReceive(nil)
			require.NoError(t, err)
			require.Len(t, data, size)
			require.EqualValues(t, size, b.idOf(data))
			bufs := make([][]byte, 3)
			n, _, err := b.c.TryReceiveBatch(bufs)
			require.NoError(t, err)
			for n < 3 {
				data, _, err := b.c.TryReceive(nil)
				require.NoError(t, err)
				bufs[n] = data
				n++
			}
			for i, data := range bufs {
				require.EqualValues(t, size+1000*(i+1), b.idOf(data))
			}
		}
	})
}

func TestWithoutTimeStampsThereAreNone(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for _, sums := range []bool{false, true} {
			g := geometry(mp, mc, 16)
			g.Checksum = sums
			b, now := clocked(t, g)
			b.send(44, 1)
			var rec inspect.Record
			require.NoError(t, inspect.NewViewer(b.r).Next(&rec))
			require.Zero(t, rec.Sent)
			var l ring.Lease
			require.NoError(t, b.c.TryLease(&l))
			require.Zero(t, l.SentAt())
			require.EqualValues(t, 1000, *now, "no call looked at the clock")
		}
	})
}

// A time that a peer changed is a wrong record.
func TestTheChecksumCoversTheTime(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		g := geometry(mp, mc, 16)
		g.Checksum, g.Timestamps = true, true
		b, _ := clocked(t, g)
		b.send(8, 1, 2)
		b.m.Bytes[g.SlotOffset()+5*layout.SlotSize+layout.SlotTime] ^= 1
		data, _, err := b.c.TryReceive(nil)
		require.NoError(t, err)
		require.EqualValues(t, 2, b.idOf(data))
		require.EqualValues(t, 1, b.r.Torn())
	})
}

func TestTimeStampsAllocateNothing(t *testing.T) {
	for _, mp := range []bool{false, true} {
		for _, mc := range []bool{false, true} {
			g := geometry(mp, mc, 32)
			g.Timestamps = true
			b := newBench(t, g, 0)
			rec, buf := ringtest.Record(1, 40), make([]byte, 64)
			batch, bufs := [][]byte{rec, rec}, [][]byte{buf, buf}
			require.Zero(t, testing.AllocsPerRun(100, func() {
				_ = b.p.Send(rec)
				_, _, _ = b.c.TryReceive(buf)
				_, _ = b.p.SendBatch(batch)
				_, _, _ = b.c.TryReceiveBatch(bufs)
				_, _, _ = b.c.TryReceive(buf)
			}))
		}
	}
}
