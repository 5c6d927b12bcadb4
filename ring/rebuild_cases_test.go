package ring_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// Contents that a disk may have, case by case. Each case takes parts of one moment and parts of
// another.

func (b *bench) image() []byte { return slices.Clone(b.m.Bytes) }

// line copies the line of position p from an image into the region.
func (b *bench) line(p uint64, from []byte) {
	at := b.m.Geometry.SlotOffset() + p%b.m.Geometry.Slots*layout.SlotSize
	copy(b.m.Bytes[at:at+layout.SlotSize], from[at:])
}

// area copies the data area of position p from an image into the region.
func (b *bench) area(p uint64, from []byte) {
	g := b.m.Geometry
	at := g.DataOffset() + p%g.Slots*g.AreaSize
	copy(b.m.Bytes[at:at+g.AreaSize], from[at:])
}

// hot copies the hot words from an image into the region.
func (b *bench) hot(from []byte) {
	copy(b.m.Bytes[layout.HotOffset:][:layout.HotSize], from[layout.HotOffset:])
}

// rebuilds rebuilds the region: records ids are there, flagged, and torn ones were dropped.
func (b *bench) rebuilds(torn int, ids ...uint64) {
	b.Helper()
	found, err := ring.Rebuild(b.m.Bytes, b.m.Geometry)
	require.NoError(b, err)
	require.Equal(b, ring.Rebuilt{Records: len(ids), Torn: torn}, found)
	b.p = b.producer(0)
	b.c = b.r.NewConsumer(1)
	for _, id := range ids {
		b.c.Ack(b.lease(b.c, id, 1))
	}
	b.drained(b.c)
}

func TestRebuildOfAnEmptyRing(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for _, start := range []uint64{0, 3, 8, 13} {
			b := newBench(t, summed(mp, mc, 8), start)
			b.rebuilds(0)
			_, tail := b.r.Positions()
			require.GreaterOrEqual(t, tail, start)
		}
	})
}

func TestRebuildOfAFullRing(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 8), 5)
		b.send(40, 1, 2, 3, 4, 5, 6, 7, 8)
		b.rebuilds(0, 1, 2, 3, 4, 5, 6, 7, 8)
	})
}

// A line of one lap, its data of the next: the checksum has the position in it.
func TestRebuildOfAnOldLineOverNewData(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 4), 0)
		for id := range uint64(4) {
			b.send(60, id)
			b.c.Ack(b.lease(b.c, id, 0))
		}
		b.send(60, 5)
		old := b.image()
		b.c.Ack(b.lease(b.c, 5, 0))
		for id := uint64(6); id < 10; id++ {
			b.send(60, id) // 9 over 5
			if id < 9 {
				b.c.Ack(b.lease(b.c, id, 0))
			}
		}
		b.line(4, old)
		b.hot(old)
		if mc {
			b.rebuilds(1) // 5 and 9 have a line of one and data of the other
			return
		}
		// The words of what a single consumer acknowledged are there, and head is old.
		b.rebuilds(1, 6, 7, 8)
	})
}

// An old line with the same payload as the new one is told by its position alone.
func TestRebuildOfAnOldLineOverTheSameData(t *testing.T) {
	t.Parallel()
	b := newBench(t, summed(true, true, 4), 0)
	b.send(60, 7)
	old := b.image()
	b.c.Ack(b.lease(b.c, 7, 0))
	for id := range uint64(3) {
		b.send(60, id)
		b.c.Ack(b.lease(b.c, id, 0))
	}
	b.send(60, 7) // at 4
	word := b.m.Word(4)
	b.line(4, old)
	b.m.SetWord(4, word)
	b.rebuilds(1)
}

// Positions that were acknowledged long ago, in front of the newest record.
func TestRebuildLeavesOutWhatIsBeforeTheWindow(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 8), 0)
		b.send(40, 1, 2, 3)
		old := b.image()
		for id := uint64(1); id <= 3; id++ {
			b.c.Ack(b.lease(b.c, id, 0))
		}
		for id := uint64(4); id <= 9; id++ { // 9 at 8, over 1
			b.send(40, id)
			b.c.Ack(b.lease(b.c, id, 0))
		}
		b.send(40, 10) // at 9, over 2
		b.line(0, old) // 1: before the window
		b.line(2, old) // 3: within, though it was acknowledged
		b.hot(old)
		if mc {
			b.rebuilds(0, 3, 10)
			return
		}
		b.rebuilds(0, 3, 4, 5, 6, 7, 8, 10)
	})
}

// The lines inside a large record may be of any lap.
func TestRebuildOfALargeRecordOverOldLines(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 8), 0)
		b.send(40, 1, 2, 3, 4, 5, 6, 7, 8)
		old := b.image()
		for id := uint64(1); id <= 8; id++ {
			b.c.Ack(b.lease(b.c, id, 0))
		}
		b.send(250, 9) // at 8, over 1 to 4
		for p := uint64(1); p < 4; p++ {
			b.line(p, old)
		}
		b.rebuilds(0, 9)
	})
}

// The same with a torn record: what lies under it was acknowledged, but nothing tells.
func TestRebuildOfATornLargeRecord(t *testing.T) {
	t.Parallel()
	for _, p := range []uint64{8, 9, 11} {
		b := newBench(t, summed(true, true, 8), 0)
		before := b.image()
		b.send(40, 1, 2, 3, 4, 5, 6, 7, 8)
		old := b.image()
		for id := uint64(1); id <= 8; id++ {
			b.c.Ack(b.lease(b.c, id, 0))
		}
		b.send(250, 9)
		b.line(2, old)
		b.area(p, before)
		b.rebuilds(1, 3)
	}
}

func TestRebuildAroundAFiller(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 8), 6)
		b.send(40, 1)
		b.send(200, 2) // at 8, behind a filler
		b.rebuilds(0, 1, 2)
	})
}

func TestRebuildOfATakeOfSeveral(t *testing.T) {
	t.Parallel()
	for acked, come := range map[int][]uint64{-1: {1, 2, 3, 4}, 0: {2, 3, 4}, 1: {1, 3, 4}, 2: {1, 2, 4}} {
		for _, dead := range []bool{false, true} {
			b := newBench(t, summed(true, true, 16), 9)
			b.send(40, 1)
			b.send(100, 2, 3)
			b.send(40, 4)
			ls := b.batch(b.c, 1, 2, 3)
			if acked >= 0 {
				b.c.Ack(&ls[acked])
			}
			if dead {
				b.r.Sweep(1)
			}
			b.rebuilds(0, come...)
		}
	}
}

// A reservation may have more slots than its record needs, and its reader only says how
// many those were.
func TestRebuildOfAReservationThatWasLarger(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 16), 0)
		room, err := b.p.Reserve(300)
		require.NoError(t, err)
		ringtest.FillRecord(room[:70], 1, 0, 70)
		require.NoError(t, b.p.Commit(70))
		b.send(40, 2)
		b.lease(b.c, 1, 0)
		b.rebuilds(0, 1, 2)
	})
}

// Of two producers' records the second is on the disk, and the first is not.
func TestRebuildWithoutAnOlderRecord(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		b := newBench(t, summed(true, mc, 8), 0)
		for id := range uint64(8) { // so that an old record is where the first one was
			b.send(40, 100+id)
			b.c.Ack(b.lease(b.c, 100+id, 0))
		}
		before := b.image()
		b.send(40, 1)
		require.NoError(t, b.producer(2).Send(ringtest.Record(2, 40)))
		b.line(8, before)
		b.rebuilds(0, 2)
	}
}

// A record that was written and never published, at a position that is used again. When
// nothing of its successor but the word, or word and length, reaches the disk, the old one
// is not there.
func TestRebuildWipesWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	for _, length := range []bool{false, true} {
		b := newBench(t, summed(true, true, 8), 0)
		b.send(40, 1)
		b.m.SetWord(0, layout.ClaimedWord(0, 1, 0, 3)) // as before its publication
		b.m.SetHot(layout.HotTail, 0)
		_, err := ring.Rebuild(b.m.Bytes, b.m.Geometry)
		require.NoError(t, err)
		wiped := b.image()
		b.p = b.producer(0)
		b.send(40, 2)
		word := b.m.Word(0)
		b.line(0, wiped)
		b.m.SetWord(0, word)
		if length {
			b.m.SetDescription(0, 40, 0)
		}
		b.rebuilds(1)
	}
}

// Of the line of a published record the disk has the word alone, the rest was never written:
// an empty record, it seems, with a wrong checksum. Rebuild wipes that, and is interrupted
// when the checksum is on the disk and the word and the length are not. At the position
// 2^32 - 1 an empty record has a checksum of all ones.
func TestAWipedChecksumIsNotThatOfAnEmptyRecord(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for _, p := range []uint64{1<<32 - 1, 7, 1 << 40} {
			b := newBench(t, summed(mp, mc, 16), p)
			old := b.image()
			b.send(8, 1)
			b.hot(old)
			at := b.m.Geometry.SlotOffset() + p%16*layout.SlotSize
			clear(b.m.Bytes[at+8 : at+layout.SlotSize])
			found := b.image()
			_, err := ring.Rebuild(b.m.Bytes, b.m.Geometry)
			require.NoError(t, err)
			wiped := b.image()[at : at+layout.SlotSize]
			copy(b.m.Bytes, found)
			copy(b.m.Bytes[at+layout.SlotSum:], wiped[layout.SlotSum:])
			b.rebuilds(1)
		}
	})
}

func TestAViewerShowsARebuiltRecordWithItsSlots(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 8), 8)
		b.send(250, 1)
		b.send(40, 2)
		_, err := ring.Rebuild(b.m.Bytes, b.m.Geometry)
		require.NoError(t, err)
		v := inspect.NewViewer(b.r)
		v.Seek(8)
		var rec inspect.Record
		require.NoError(t, v.Next(&rec))
		require.EqualValues(t, 4, rec.Slots)
		require.EqualValues(t, 1, b.idOf(rec.Data))
		require.NoError(t, v.Next(&rec))
		require.EqualValues(t, 2, b.idOf(rec.Data))
		require.Zero(t, v.Missed())
	})
}

// No queue has records that overlap, and a hostile process's bytes may: the newer one counts.
func TestRebuildOfRecordsThatOverlap(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		other := newBench(t, summed(mp, mc, 8), 0)
		other.send(40, 1, 2)
		b := newBench(t, summed(mp, mc, 8), 0)
		b.send(150, 3)
		b.line(1, other.image())
		b.rebuilds(1, 2)
	})
}

func TestRebuildNeedsChecksums(t *testing.T) {
	t.Parallel()
	m := ringtest.NewRegion(geometry(true, true, 8), 0)
	_, err := ring.Rebuild(m.Bytes, m.Geometry)
	require.ErrorContains(t, err, "without checksums")
	g := summed(true, true, 8)
	_, err = ring.Rebuild(make([]byte, 100), g)
	require.ErrorContains(t, err, "region of 100 bytes")
}

// Every word says that half of the ring is its record: the payload read for all of them is
// bounded. Without the bound this takes minutes.
func TestRebuildReadsABoundedAmount(t *testing.T) {
	t.Parallel()
	g := summed(true, true, 1<<18)
	m := ringtest.NewRegion(g, 0)
	for i := range g.Slots {
		k := min(g.MaxSlotsPerRecord(), g.Slots-i)
		m.SetWord(i, layout.FullWord(i*g.Slots+i, k, g.Shift()))
		m.SetDescription(i, uint32(k*g.AreaSize), layout.MetaArea)
	}
	binary.LittleEndian.PutUint64(m.Bytes[layout.HotOffset+layout.HotTail:], 1<<35)
	_, err := ring.Rebuild(m.Bytes, g)
	require.NoError(t, err)
}
