package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// eachMarked runs f in each shape of queue that has marks.
func eachMarked(t *testing.T, f func(t *testing.T, g layout.Geometry)) {
	for n := range 8 {
		g := geometry(false, n&1 != 0, 8)
		g.Checksum, g.Timestamps = n&2 != 0, n&4 != 0
		t.Run(fmt.Sprintf("consumers=%s/checksum=%v/timestamps=%v", oneMany(g.ManyConsumers), g.Checksum, g.Timestamps), func(t *testing.T) {
			t.Parallel()
			f(t, g)
		})
	}
}

func markOf(id uint64) layout.Mark { return layout.Mark{id, ^id} }

// sendMarked sends a record of n bytes for each id, marked with it.
func (b *bench) sendMarked(n int, ids ...uint64) {
	b.Helper()
	for _, id := range ids {
		require.NoError(b, b.p.SendMarked(ringtest.Record(id, n), markOf(id)), "record %d", id)
	}
}

// marked tells that the last mark is that of record id, or that there is none if it is 0: to
// the producer, to a viewer, and to a successor, which takes the producer's place.
func (b *bench) marked(id uint64) {
	b.Helper()
	says := func(m layout.Mark, ok bool, err error) {
		b.Helper()
		require.NoError(b, err)
		require.Equal(b, id != 0, ok)
		if ok {
			require.Equal(b, markOf(id), m)
		} else {
			require.Zero(b, m)
		}
	}
	if b.p != nil {
		says(b.p.Mark())
	}
	seen, ok, err := b.r.Mark()
	says(seen.Mark, ok, err)
	b.p = b.producer(0)
	says(b.p.Mark())
	seen, ok, err = b.r.Mark()
	says(seen.Mark, ok, err)
	require.Empty(b, inspect.Examine(b.r, uint64(len(b.m.Bytes))).Faults)
}

func (b *bench) take(ids ...uint64) {
	b.Helper()
	for _, id := range ids {
		b.c.Ack(b.lease(b.c, id, 0))
	}
}

func TestTheLastMarkIsThatOfTheLastMarkedRecord(t *testing.T) {
	t.Parallel()
	eachMarked(t, func(t *testing.T, g layout.Geometry) {
		for _, start := range []uint64{0, 5, 1<<60 - 3, 1<<63 - 1} {
			b := newBench(t, g, start)
			b.marked(0)
			b.send(40, 1)
			b.marked(0)
			b.sendMarked(40, 2)
			b.marked(2)
			b.send(40, 3)
			b.marked(2)
			b.sendMarked(8, 4, 5)
			b.marked(5)
			b.take(1, 2, 3, 4, 5)
			b.marked(5)
			for id := uint64(6); id < 60; id += 3 { // over the end of the ring, with fillers
				b.send(8, id)
				b.sendMarked([]int{100, 60, 28, 200, 16, 44, 24, 25}[id%8], id+1)
				b.marked(id + 1)
				b.take(id, id+1)
				b.send(60, id+2)
				b.marked(id + 1)
				b.take(id + 2)
			}
			for id := uint64(100); id < 140; id++ { // laps without a mark
				b.send(40, id)
				b.take(id)
			}
			b.marked(58)
			b.drained(b.c)
			b.marked(58)
		}
	})
}

func TestAMarkIsAsItsRecordIs(t *testing.T) {
	t.Parallel()
	eachMarked(t, func(t *testing.T, g layout.Geometry) {
		for n := ringtest.MinRecord; n <= g.MaxRecord(); n++ { // inline, beside the mark, in an area, in several
			b := newBench(t, g, 3)
			b.sendMarked(n, 7)
			b.marked(7)
			b.take(7)
			for _, room := range []int{n, n + 1, g.MaxRecord()} {
				if room > g.MaxRecord() {
					continue
				}
				buf, err := b.p.Reserve(room)
				require.NoError(t, err)
				ringtest.FillRecord(buf[:n], 8, 0, n)
				require.NoError(t, b.p.CommitMarked(n, markOf(8)))
				b.marked(8)
				b.take(8)
			}
		}
	})
}

func TestWhatIsNotSentHasNoMark(t *testing.T) {
	t.Parallel()
	eachMarked(t, func(t *testing.T, g layout.Geometry) {
		b := newBench(t, g, 3)
		b.sendMarked(8, 1)
		require.ErrorIs(t, b.p.SendMarked(make([]byte, g.MaxRecord()+1), markOf(2)), ring.ErrTooLarge)
		_, err := b.p.Reserve(100)
		require.NoError(t, err)
		require.ErrorIs(t, b.p.SendMarked(ringtest.Record(2, 8), markOf(2)), ring.ErrReserved)
		require.ErrorIs(t, b.p.CommitMarked(101, markOf(2)), ring.ErrNotReserved)
		require.True(t, b.p.Reserved())
		b.p.Abort()
		require.ErrorIs(t, b.p.CommitMarked(1, markOf(2)), ring.ErrNotReserved)
		b.marked(1)
		b.send(8, 2, 3, 4, 5, 6, 7, 8)
		require.ErrorIs(t, b.p.SendMarked(ringtest.Record(9, 8), markOf(9)), ring.ErrFull)
		b.marked(1)
	})
}

func TestABatchHasAMarkForEachRecord(t *testing.T) {
	t.Parallel()
	eachMarked(t, func(t *testing.T, g layout.Geometry) {
		b := newBench(t, g, 3)
		var recs [][]byte
		var marks []layout.Mark
		for id := uint64(1); id <= 20; id++ {
			recs, marks = append(recs, ringtest.Record(id, 8)), append(marks, markOf(id))
		}
		n, err := b.p.SendBatchMarked(recs, marks)
		require.NoError(t, err)
		require.Equal(t, 8, n, "as many as there is room for")
		b.marked(8)
		_, err = b.p.SendBatchMarked(recs[n:], marks[n:])
		require.ErrorIs(t, err, ring.ErrFull)
		b.take(1, 2, 3)
		recs[9] = make([]byte, g.MaxRecord()+1)
		n, err = b.p.SendBatchMarked(recs[8:], marks[8:])
		require.NoError(t, err)
		require.Equal(t, 1, n, "up to the one that is too large")
		b.marked(9)
		n, err = b.p.SendBatchMarked(nil, nil)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestManyProducersHaveNoMarks(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 8), 0)
	require.ErrorIs(t, b.p.SendMarked([]byte("x"), layout.Mark{1}), ring.ErrManyProducers)
	_, err := b.p.SendBatchMarked([][]byte{{1}}, []layout.Mark{{1}})
	require.ErrorIs(t, err, ring.ErrManyProducers)
	_, err = b.p.Reserve(1)
	require.NoError(t, err)
	require.ErrorIs(t, b.p.CommitMarked(1, layout.Mark{1}), ring.ErrManyProducers)
	require.True(t, b.p.Reserved())
	_, _, err = b.p.Mark()
	require.ErrorIs(t, err, ring.ErrManyProducers)
	_, _, err = b.r.Mark()
	require.ErrorIs(t, err, ring.ErrManyProducers)
}

// Laps of words wrap after 2^60 slots, so that one of half as many slots later looks like an earlier one.
func TestAMarkLastsLongerThanLapsOfWords(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(false, true, 8), 10)
	b.sendMarked(8, 1)
	b.take(1)
	mark := [3]uint64{b.m.Hot(entry0), b.m.Hot(entry0 + 8), b.m.Hot(entry0 + 16)}
	b.m.Start(10 + 1<<59 + 8)
	for i, v := range mark {
		b.m.SetHot(entry0+8*uint64(i), v)
	}
	b.p, b.c = nil, b.r.NewConsumer(1)
	b.marked(1)
	b.send(8, 2)
	b.take(2)
	b.marked(1)
}

// Offsets of the entries among the hot words.
const (
	entry0 = layout.HotMarks
	entry1 = layout.HotMarks + layout.MarkEntry
)

// What stands in the entries is input from a stranger.
func TestEntriesThatNoProducerLeavesAreDamage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set     map[uint64]uint64
		said    error // by Mark, of a successor
		id      uint64
		accused bool
	}{
		"later than what comes next":       {map[uint64]uint64{entry0: 200}, ring.ErrDamaged, 0, true},
		"both later":                       {map[uint64]uint64{entry0: 200, entry1: 201}, ring.ErrDamaged, 0, true},
		"one that comes next":              {map[uint64]uint64{entry0: 14}, nil, 2, false}, // the death of a producer
		"both gone":                        {map[uint64]uint64{entry0: 0, entry1: 0}, nil, 0, false},
		"two of one position":              {map[uint64]uint64{entry0: 12, entry1: 12}, nil, 1, true},
		"both of what comes next":          {map[uint64]uint64{entry0: 14, entry1: 14}, nil, 0, true},
		"the older one where none was yet": {map[uint64]uint64{entry0: 14, entry1: 20}, ring.ErrDamaged, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, geometry(false, true, 8), 10)
			b.sendMarked(8, 1, 2) // at 10 into entry 0, at 11 into entry 1
			b.send(8, 3)
			for off, v := range c.set {
				b.m.SetHot(off, v)
			}
			faults := inspect.Examine(b.r, uint64(len(b.m.Bytes))).Faults
			if c.accused {
				require.NotEmpty(t, faults)
				require.Equal(t, inspect.FaultMark, faults[0].Kind)
			} else {
				require.Empty(t, faults)
			}
			_, _, err := b.r.Mark()
			require.True(t, err == nil || err == ring.ErrDamaged, err)
			b.p = b.producer(0)
			m, ok, err := b.p.Mark()
			require.Equal(t, c.said, err)
			require.Equal(t, c.id != 0, ok)
			if ok {
				require.Equal(t, markOf(c.id), m)
			}
			b.send(8, 4)
			b.sendMarked(8, 5) // mends it
			b.marked(5)
			b.sendMarked(8, 6)
			b.marked(6)
			b.take(1, 2, 3, 4, 5, 6)
			b.marked(6)
		})
	}
}

// The synced marks alternate too, and one that was torn is none.
func TestTheSyncedMarkIsTheLaterWholeOne(t *testing.T) {
	t.Parallel()
	g := geometry(false, true, 8)
	g.Checksum = true
	b := newBench(t, g, 10)
	_, ok := b.r.SyncedMark()
	require.False(t, ok)
	synced := func(pos uint64) {
		t.Helper()
		m, ok := b.r.SyncedMark()
		require.True(t, ok)
		require.Equal(t, ring.Marked{Pos: pos, Mark: markOf(pos)}, m)
	}
	for pos := uint64(10); pos < 15; pos++ {
		require.True(t, b.r.SetSyncedMark(ring.Marked{Pos: pos, Mark: markOf(pos)}))
		synced(pos)
		require.False(t, b.r.SetSyncedMark(ring.Marked{Pos: pos, Mark: markOf(pos)}))
		require.False(t, b.r.SetSyncedMark(ring.Marked{Pos: pos - 1, Mark: markOf(pos - 1)}))
		synced(pos)
	}
	for _, off := range []uint64{layout.MarkPosition, layout.MarkValue, layout.MarkValue + 8, layout.MarkCRC} {
		at := layout.HotMarks + layout.MarkSynced + off // 14 is in the first
		was := b.m.Hot(at)
		b.m.SetHot(at, was^1<<40)
		synced(13)
		b.m.SetHot(at, was)
		synced(14)
	}
}
