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

// A stream that was open, ends that no consumer was told, and records: all of it becomes one
// stream that was cut, with its end still to be noted. A queue in which nothing was on its
// way stays as it is. An epoch that is older than the mark, or than the last end, is
// brought up to that, lest the next producer be taken for the last.
func TestRebuildOfStreams(t *testing.T) {
	t.Parallel()
	type words struct{ epoch, finished, left, ends, told, endEpoch, endLeft uint64 }
	for _, c := range []struct {
		name   string
		words  words
		record bool
		epoch  uint64
		cut    bool
	}{
		{name: "new"},
		{name: "at rest", words: words{3, 3, 3, 2, 2, 3, 3}, epoch: 3},
		{name: "one was killed long ago", words: words{4, 3, 3, 2, 2, 4, 3}, epoch: 4},
		{name: "open", words: words{4, 3, 3, 2, 2, 3, 3}, epoch: 5, cut: true},
		{name: "open and marked", words: words{4, 4, 3, 2, 2, 3, 3}, epoch: 5, cut: true},
		{name: "all left, not noted", words: words{4, 4, 4, 2, 2, 3, 3}, epoch: 5, cut: true},
		{name: "not told", words: words{3, 3, 3, 2, 1, 3, 3}, epoch: 4, cut: true},
		{name: "a record of a stream that the words do not know", words: words{3, 3, 3, 2, 2, 3, 3}, record: true, epoch: 4, cut: true},
		{name: "an old epoch", words: words{2, 3, 2, 2, 2, 3, 3}, epoch: 4, cut: true},
		{name: "an old epoch, a new count", words: words{2, 0, 9, 2, 2, 3, 3}, epoch: 4, cut: true},
		{name: "an old epoch, no end", words: words{2, 3, 3, 0, 0, 0, 0}, epoch: 4, cut: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, many := range []bool{false, true} {
				b := newBench(t, summed(true, many, 8), 0)
				r := b.m.Ring()
				if c.record {
					p, err := r.NewProducer(0)
					require.NoError(t, err)
					require.NoError(t, p.Send([]byte("x")))
				}
				w := c.words
				for off, v := range map[uint64]uint64{
					layout.HotEpoch: w.epoch, layout.HotFinished: w.finished, layout.HotLeft: w.left, layout.HotEnds: w.ends, layout.HotTold: w.told,
					layout.HotEndLog + w.ends*layout.EndSize + layout.EndEpoch:     w.endEpoch,
					layout.HotEndLog + w.ends*layout.EndSize + layout.EndLeftCount: w.endLeft,
				} {
					b.m.SetHot(off, v)
				}
				for range 2 { // it may be interrupted, and done again
					_, err := ring.Rebuild(b.m.Bytes, b.m.Geometry)
					require.NoError(t, err)
				}
				require.GreaterOrEqual(t, b.m.Hot(layout.HotEpoch), c.epoch)
				require.Equal(t, w.finished, b.m.Hot(layout.HotFinished))
				require.Equal(t, w.ends, b.m.Hot(layout.HotTold))
				consumer := r.NewConsumer(1)
				require.Equal(t, c.cut, r.NoteEnd(false))
				consumer.Listen(true)
				buf, _, err := consumer.TryReceive(nil)
				require.Equal(t, c.record, err == nil, "%q", buf)
				_, _, err = consumer.TryReceive(nil)
				require.Equal(t, ring.ErrEmpty, err)
				how, err := consumer.TryEnd(nobody{})
				require.NoError(t, err)
				require.Equal(t, c.cut, how == layout.EndCut, "it ended by %d", how)
			}
		})
	}
}

// nobody is a kernel that knows of no other participant.
type nobody struct{}

func (nobody) EndStream() error          { return nil }
func (nobody) Recover() ring.Swept       { return ring.Swept{} }
func (nobody) Recovering() (bool, error) { return false, nil }
func (nobody) Awaited(uint64) bool       { return false }
