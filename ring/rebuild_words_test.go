package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

func TestRebuildOfASingleConsumersHead(t *testing.T) {
	t.Parallel()
	for _, mp := range []bool{false, true} {
		b := newBench(t, summed(mp, false, 8), 4)
		b.send(40, 1, 2, 3, 4)
		old := b.image()
		b.c.Ack(b.lease(b.c, 1, 0))
		b.c.Ack(b.lease(b.c, 2, 0))
		b.lease(b.c, 3, 0)
		now := b.image()
		b.rebuilds(0, 3, 4)
		copy(b.m.Bytes, now)
		b.hot(old) // the acknowledgements did not get there
		b.rebuilds(0, 1, 2, 3, 4)
	}
}

func TestRebuildOfClaims(t *testing.T) {
	t.Parallel()
	b := newBench(t, summed(true, true, 16), 0)
	b.send(40, 1)
	_, err := b.producer(2).Reserve(100)
	require.NoError(t, err)
	b.send(40, 2)
	_, err = b.producer(3).Reserve(100)
	require.NoError(t, err)
	b.rebuilds(0, 1, 2) // a claim was never sent, and is not torn
}

// tail and head tell how far positions were used; they must not hide records.
func TestRebuildWithHotWordsOfAnyTime(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for _, tail := range []uint64{0, 9, 12, 15, 20, 21, 1000, 1 << 40} {
			b := newBench(t, summed(mp, mc, 8), 10)
			b.send(40, 1, 2, 3)
			b.m.SetHot(layout.HotTail, tail)
			if mc {
				b.m.SetHot(layout.HotHead, tail)
			}
			now := b.image()
			b.rebuilds(0, 1, 2, 3)
			copy(b.m.Bytes, now)
			_, err := ring.Rebuild(b.m.Bytes, b.m.Geometry)
			require.NoError(t, err)
			_, got := b.r.Positions()
			require.Equal(t, min(max(13, tail), 10+8), got, "as far as the oldest record allows")
		}
	})
}

func TestRebuildResetsWhatBelongedToTheDead(t *testing.T) {
	t.Parallel()
	b := newBench(t, summed(true, true, 8), 0)
	b.r.Seat(3).Take(ring.Occupant{Role: layout.RoleProducer, PID: 1, Attached: 1})
	b.m.SetHot(layout.HotTurn, 1<<40)
	b.m.SetHot(layout.HotDataFutex, 5)
	b.m.SetHot(layout.HotRoomFutex, 7)
	b.m.SetHot(layout.HotOrphans, 9)
	b.m.SetHot(layout.HotSkipped, 2)
	b.m.SetHot(layout.HotTorn, 4)
	b.m.SetHot(layout.HotImage, 77)
	b.send(60, 1)
	spoil(b.m, 0, 5)
	_, err := ring.Rebuild(b.m.Bytes, b.m.Geometry)
	require.NoError(t, err)
	require.False(t, b.r.Seat(3).Dirty())
	require.Equal(t, ring.Occupant{}, b.r.Seat(3).Occupant())
	for off, want := range map[uint64]uint64{
		layout.HotTurn: 0, layout.HotDataFutex: 0, layout.HotRoomFutex: 0, layout.HotOrphans: 10,
		layout.HotSkipped: 2, layout.HotTorn: 5, layout.HotImage: 77,
	} {
		require.Equal(t, want, b.m.Hot(off), "hot word at %d", off)
	}
}

// The mark of the end of the stream stays; an older epoch is brought up to it, lest the
// next one be taken for the last.
func TestRebuildOfTheStreamsEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ epoch, finished, want uint64 }{{0, 0, 0}, {3, 0, 3}, {3, 3, 3}, {3, 2, 3}, {2, 3, 3}} {
		b := newBench(t, summed(true, true, 8), 0)
		b.m.SetHot(layout.HotEpoch, c.epoch)
		b.m.SetHot(layout.HotFinished, c.finished)
		_, err := ring.Rebuild(b.m.Bytes, b.m.Geometry)
		require.NoError(t, err)
		require.Equal(t, c.want, b.m.Hot(layout.HotEpoch))
		require.Equal(t, c.finished, b.m.Hot(layout.HotFinished))
	}
}
