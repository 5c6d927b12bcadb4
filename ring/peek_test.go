package ring_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// seen is what a viewer says of one record; id 0 while it is being written.
type seen struct {
	id    uint64
	state inspect.State
	seat  int
	slots uint64
	again int
}

// sees goes over the ring from its oldest record on, and checks each.
func (b *bench) sees(want ...seen) {
	b.Helper()
	before := slices.Clone(b.m.Bytes)
	var got []seen
	v := inspect.NewViewer(b.r)
	end := v.Rewind()
	for rec := (inspect.Record{}); ; {
		err := v.Next(&rec)
		if err == ring.ErrEmpty {
			break
		}
		require.NoError(b, err)
		require.Less(b, int64(rec.Pos-end), int64(0))
		s := seen{0, rec.State, rec.Seat, rec.Slots, rec.Redelivered}
		if rec.State != inspect.Writing {
			s.id, err = ringtest.ReadRecord(rec.Data)
			require.NoError(b, err)
			require.False(b, b.m.Holds(rec.Data), "it is a copy")
		}
		got = append(got, s)
	}
	require.Equal(b, want, got)
	require.Equal(b, before, b.m.Bytes, "it only reads")
}

func TestViewerTellsWhatBecomesOfEachRecord(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 16), 1<<50-5)
	b.sees()
	b.send(8, 1, 2)
	b.send(100, 3) // two slots, behind a filler if they cross the end
	b.send(8, 4, 5)
	taken := b.batch(b.c, 1, 2, 3)
	_, err := b.producer(2).Reserve(8)
	require.NoError(t, err)
	b.send(8, 6)
	waiting := []seen{{4, inspect.Waiting, -1, 1, 0}, {5, inspect.Waiting, -1, 1, 0}, {0, inspect.Writing, 2, 1, 0}, {6, inspect.Waiting, -1, 1, 0}}
	see := func(taken ...seen) {
		t.Helper()
		b.sees(append(taken, waiting...)...)
	}
	see(seen{1, inspect.Leased, 1, 1, 0}, seen{2, inspect.Leased, 1, 1, 0}, seen{3, inspect.Leased, 1, 2, 0})
	b.c.Ack(&taken[0])
	see(seen{2, inspect.Leased, 1, 1, 0}, seen{3, inspect.Leased, 1, 2, 0})
	b.c.Close()
	see(seen{2, inspect.Orphaned, -1, 1, 0}, seen{3, inspect.Orphaned, -1, 2, 0})
	b.lease(b.r.NewConsumer(3), 2, 1)
	see(seen{2, inspect.Leased, 3, 1, 1}, seen{3, inspect.Leased, 3, 2, 0})
	b.r.Sweep(2) // its claim is passed over
	waiting = slices.Delete(waiting, 2, 3)
	see(seen{2, inspect.Leased, 3, 1, 1}, seen{3, inspect.Leased, 3, 2, 0})
}

func TestViewerFindsTheSlotsOfALeasedRecord(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(true, true, 16), 0)
	b.send(150, 1)
	b.send(200, 2)
	ls := b.batch(b.c, 1, 2)
	b.sees(seen{1, inspect.Leased, 1, 3, 0}, seen{2, inspect.Leased, 1, 4, 0})
	b.c.Ack(&ls[1])
	b.sees(seen{1, inspect.Leased, 1, 3, 0})
	b.c.Ack(&ls[0])
	b.sees()
}

func TestViewerOfASingleConsumer(t *testing.T) {
	t.Parallel()
	for _, many := range []bool{false, true} {
		b := newBench(t, geometry(many, false, 16), 1<<50-5)
		b.send(8, 1, 2, 3)
		b.send(100, 4)
		l := b.lease(b.c, 1, 0)
		second := b.lease(b.c, 2, 0)
		b.c.Ack(second)
		rest := []seen{{3, inspect.Waiting, -1, 1, 0}, {4, inspect.Waiting, -1, 2, 0}}
		b.sees(append([]seen{{1, inspect.Leased, -1, 1, 0}, {2, inspect.Leased, -1, 1, 0}}, rest...)...)
		b.c.Ack(l)
		b.sees(rest...)
		if many {
			_, err := b.producer(2).Reserve(8)
			require.NoError(t, err)
			b.sees(append(rest, seen{0, inspect.Writing, 2, 1, 0})...)
		}
	}
}

// Over every place in the ring: records at its end, behind fillers, over many laps.
func TestViewerSeesWhatIsThereLapAfterLap(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		rng := rand.New(rand.NewPCG(3, 4))
		var there []seen
		for id := uint64(1); id < 2000; id++ {
			n := ringtest.MinRecord + rng.IntN(180)
			if b.p.Send(ringtest.Record(id, n)) == nil {
				there = append(there, seen{id, inspect.Waiting, -1, uint64(n+63) / 64, 0})
			}
			b.sees(there...)
			if rng.IntN(2) == 0 && len(there) > 0 {
				b.c.Ack(b.lease(b.c, there[0].id, 0))
				there = there[1:]
			}
		}
	})
}

// A viewer goes on where it stopped, and is told what it can't have seen.
func TestViewerFollows(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 1<<50-3)
		v := inspect.NewViewer(b.r)
		rec := inspect.Record{}
		next := func(want uint64) {
			t.Helper()
			require.NoError(t, v.Next(&rec))
			id, err := ringtest.ReadRecord(rec.Data)
			require.NoError(t, err)
			require.Equal(t, want, id)
		}
		require.Equal(t, ring.ErrEmpty, v.Next(&rec))
		before := v.Missed()
		for id := uint64(1); id < 40; id++ {
			b.send(8, id)
			next(id)
			require.Equal(t, ring.ErrEmpty, v.Next(&rec))
			b.c.Ack(b.lease(b.c, id, 0))
		}
		require.Equal(t, before, v.Missed())
		for id := uint64(40); id < 60; id++ { // two laps and a half
			b.send(8, id)
			b.c.Ack(b.lease(b.c, id, 0))
		}
		b.send(8, 60)
		next(60)
		require.EqualValues(t, 20, v.Missed()-before)
		pos := rec.Pos
		b.send(8, 61)
		v.Seek(pos)
		next(60)
		next(61)
	})
}

// Whatever stands in the mapping, a look ends, and copies no more than there is.
func TestViewerOfAScribbledRing(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		dice := scribble.Dice(21)
		for n := range 100 {
			m := ringtest.NewRegion(hostileGeometry(mp, mc, n), dice.Below(0)>>dice.Below(64))
			v, err := newVictim(m, 0)
			require.NoError(t, err)
			pen := scribble.New(m.Bytes, m.Geometry, dice)
			for i := range 60 {
				pen.Write()
				require.NoError(t, v.exercise(int(dice.Below(1<<12))))
				if i%2 == 0 {
					v.v.Rewind()
				}
				for range 2 * m.Geometry.Slots {
					require.NoError(t, v.next())
				}
			}
		}
	})
}

func TestViewerReportsDamage(t *testing.T) {
	t.Parallel()
	for _, mc := range []bool{false, true} {
		b := newBench(t, geometry(true, mc, 8), 0)
		rec := inspect.Record{}
		for name, hurt := range map[string]func(){
			"inline length": func() { b.m.SetDescription(0, layout.InlineSize+1, 0) },
			"area length":   func() { b.m.SetDescription(0, 65, layout.MetaArea) },
			"span of 0":     func() { b.m.SetWord(0, layout.FullWord(0, 0, 3)) },
			"later lap":     func() { b.m.SetWord(0, layout.FullWord(8, 1, 3)) },
		} {
			b.m.Start(0)
			b.p = b.producer(0)
			b.send(8, 1)
			hurt()
			if name == "later lap" && mc {
				require.Equal(t, ring.ErrEmpty, inspect.NewViewer(b.r).Next(&rec), "as if it had been consumed")
				continue
			}
			require.ErrorIs(t, inspect.NewViewer(b.r).Next(&rec), ring.ErrDamaged, name)
		}
	}
}
