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

// summed is geometry with checksums.
func summed(manyProducers, manyConsumers bool, slots uint64) layout.Geometry {
	g := geometry(manyProducers, manyConsumers, slots)
	g.Checksum = true
	return g
}

// waysToSend send a record each.
var waysToSend = []struct {
	name string
	send func(b *bench, id uint64, n int)
}{
	{"send", func(b *bench, id uint64, n int) { b.send(n, id) }},
	{"reserve", func(b *bench, id uint64, n int) {
		room, err := b.p.Reserve(min(n+50, b.p.MaxRecord()))
		require.NoError(b, err)
		ringtest.FillRecord(room[:n], id, 0, n)
		require.NoError(b, b.p.Commit(n))
	}},
	{"batch", func(b *bench, id uint64, n int) {
		sent, err := b.p.SendBatch([][]byte{ringtest.Record(id, n)})
		require.NoError(b, err)
		require.Equal(b, 1, sent)
	}},
}

// waysToTake take and acknowledge what there is, and return the ids.
var waysToTake = []struct {
	name string
	take func(b *bench) []uint64
}{
	{"receive", func(b *bench) (ids []uint64) {
		for {
			data, _, err := b.c.TryReceive(nil)
			if err != nil {
				require.ErrorIs(b, err, ring.ErrEmpty)
				return ids
			}
			ids = append(ids, b.idOf(data))
		}
	}},
	{"receive batch", func(b *bench) (ids []uint64) {
		for {
			bufs := make([][]byte, 3)
			n, _, err := b.c.TryReceiveBatch(bufs)
			if err != nil {
				require.ErrorIs(b, err, ring.ErrEmpty)
				return ids
			}
			for _, data := range bufs[:n] {
				ids = append(ids, b.idOf(data))
			}
		}
	}},
	{"lease", func(b *bench) (ids []uint64) {
		for {
			var l ring.Lease
			if err := b.c.TryLease(&l); err != nil {
				require.ErrorIs(b, err, ring.ErrEmpty)
				return ids
			}
			ids = append(ids, b.idOf(l.Data))
			b.c.Ack(&l)
		}
	}},
	{"lease batch", func(b *bench) (ids []uint64) {
		for {
			ls := make([]ring.Lease, 5)
			n, err := b.c.TryLeaseBatch(ls)
			if err != nil {
				require.ErrorIs(b, err, ring.ErrEmpty)
				return ids
			}
			for i := range ls[:n] {
				ids = append(ids, b.idOf(ls[i].Data))
				b.c.Ack(&ls[i])
			}
		}
	}},
}

func (b *bench) idOf(data []byte) uint64 {
	b.Helper()
	id, err := ringtest.ReadRecord(data)
	require.NoError(b, err)
	return id
}

// spoil changes one bit of the record at p, at byte i of its payload.
func spoil(m *ringtest.Region, p uint64, i int) {
	g := m.Geometry
	slot := p & (g.Slots - 1)
	line := g.SlotOffset() + slot*layout.SlotSize
	if m.Bytes[line+layout.SlotMeta+1] != 0 { // layout.MetaArea
		m.Bytes[g.DataOffset()+slot*g.AreaSize+uint64(i)] ^= 4
		return
	}
	m.Bytes[line+layout.SlotInline+uint64(i)] ^= 4
}

func TestASpoiledRecordIsDroppedAndTheOthersCome(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for _, send := range waysToSend {
			for _, take := range waysToTake {
				for _, n := range []int{8, 44, 45, 48, 64, 65, 200} {
					t.Run(fmt.Sprint(send.name, "/", take.name, "/", n), func(t *testing.T) {
						b := newBench(t, summed(mp, mc, 16), 0)
						for id := range uint64(3) {
							send.send(b, id, n)
						}
						second := b.positions()[1]
						spoil(b.m, second, n-1)
						require.Equal(t, []uint64{0, 2}, take.take(b))
						require.EqualValues(t, 1, b.r.Torn())
						require.True(t, b.c.Idle())
						b.drained(b.c)
						require.EqualValues(t, 1, b.r.Torn())
					})
				}
			}
		}
	})
}

// positions returns where the records that no consumer has taken begin.
func (b *bench) positions() (ps []uint64) {
	v := inspect.NewViewer(b.r)
	var rec inspect.Record
	for v.Next(&rec) == nil {
		ps = append(ps, rec.Pos)
	}
	return ps
}

// All that the checksum covers, and length and place, which it bounds.
func TestWhateverIsSpoiledIsNoticed(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for name, spoil := range map[string]func(m *ringtest.Region){
			"checksum":         func(m *ringtest.Region) { m.Bytes[m.Geometry.SlotOffset()+layout.SlotSum] ^= 1 },
			"shorter":          func(m *ringtest.Region) { m.SetDescription(0, 39, 0) },
			"longer":           func(m *ringtest.Region) { m.SetDescription(0, 41, 0) },
			"beyond the line":  func(m *ringtest.Region) { m.SetDescription(0, 45, 0) },
			"beyond the slots": func(m *ringtest.Region) { m.SetDescription(0, 65, layout.MetaArea) },
			"other kind":       func(m *ringtest.Region) { m.SetDescription(0, 40, 1) },
			"other place":      func(m *ringtest.Region) { m.SetDescription(0, 40, layout.MetaArea) },
			"other position": func(m *ringtest.Region) { // its line a slot further, as it was
				at := m.Geometry.SlotOffset()
				copy(m.Bytes[at+layout.SlotSize:], m.Bytes[at:at+layout.SlotSize])
				m.SetWord(0, layout.SkipWord(0, 1, m.Geometry.Shift()))
			},
		} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, summed(mp, mc, 8), 0)
				b.send(40, 1, 2, 3)
				spoil(b.m)
				for _, id := range []uint64{2, 3} {
					if name == "other position" && id == 2 {
						continue
					}
					b.c.Ack(b.lease(b.c, id, 0))
				}
				b.empty(b.c)
				require.EqualValues(t, 1, b.r.Torn())
			})
		}
	})
}

func TestARecordSpoiledWhileItWaitsToComeAgainIsDropped(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		for _, n := range []int{40, 100} {
			b := newBench(t, summed(mp, mc, 16), 14)
			b.send(n, 1, 2, 3, 4)
			l1, l2, l3 := b.lease(b.c, 1, 0), b.lease(b.c, 2, 0), b.lease(b.c, 3, 0)
			b.c.Release(l2)
			b.c.Release(l1)
			b.c.Release(l3)
			spoil(b.m, 14, n-1)
			b.c.Ack(b.lease(b.c, 2, 1))
			require.EqualValues(t, 1, b.r.Torn())
			b.c.Ack(b.lease(b.c, 3, 1))
			b.drained(b.c, 4)
		}
	})
}

// Deliveries are counted in the line of the record, which its checksum must survive.
func TestARecordComesAgainAndAgain(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 8), 0)
		b.send(40, 1)
		for n := range 5 {
			b.c.Release(b.lease(b.c, 1, n))
		}
		b.c.Close()
		c := b.r.NewConsumer(2)
		b.c.Ack(b.lease(c, 1, 5))
		c.Close()
		require.Zero(t, b.r.Torn())
	})
}

// Records that a dead consumer held are checked by its heir.
func TestAnHeirDropsWhatIsSpoiled(t *testing.T) {
	t.Parallel()
	for _, spoiled := range []uint64{1, 2, 3} {
		b := newBench(t, summed(true, true, 8), 6)
		b.send(40, 1, 2, 3, 4)
		b.c.Ack(b.lease(b.c, 1, 0))
		b.c.Ack(b.lease(b.c, 2, 0))
		b.send(60, 5)
		b.batch(b.c, 3, 4, 5) // at 8, 9, 10
		require.Equal(t, ring.Swept{Takes: 1, Records: 3}, b.r.Sweep(1))
		spoil(b.m, 7+spoiled, 8)
		heir := b.r.NewConsumer(2)
		for id := uint64(3); id <= 5; id++ {
			if id != 2+spoiled {
				heir.Ack(b.lease(heir, id, 1))
			}
		}
		b.empty(heir)
		require.EqualValues(t, 1, b.r.Torn())
		b.drained(heir)
	}
}

func TestAllOfABatchSpoiled(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 8), 0)
		b.send(40, 1, 2, 3)
		for p := range uint64(3) {
			spoil(b.m, p, 0)
		}
		ls := make([]ring.Lease, 3)
		_, err := b.c.TryLeaseBatch(ls)
		require.ErrorIs(t, err, ring.ErrEmpty)
		require.EqualValues(t, 3, b.r.Torn())
		require.False(t, b.c.Holds())
		b.drained(b.c)
	})
}

func TestAViewerDoesNotShowWhatIsSpoiled(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, summed(mp, mc, 8), 0)
		b.send(40, 1)
		b.send(100, 2)
		b.send(40, 3)
		b.lease(b.c, 1, 0)
		spoil(b.m, 0, 1)
		spoil(b.m, 1, 99)
		v := inspect.NewViewer(b.r)
		var rec inspect.Record
		require.NoError(t, v.Next(&rec))
		require.EqualValues(t, 3, b.idOf(rec.Data))
		require.EqualValues(t, 3, v.Missed())
		require.ErrorIs(t, v.Next(&rec), ring.ErrEmpty)
		require.Zero(t, b.r.Torn(), "it only looks")
	})
}

func TestWithoutTheFlagNothingIsChecked(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		b := newBench(t, geometry(mp, mc, 8), 0)
		b.send(48, 1)
		spoil(b.m, 0, 47)
		data, _, err := b.c.TryReceive(nil)
		require.NoError(t, err)
		require.Len(t, data, 48)
		require.Zero(t, b.r.Torn())
	})
}

func TestChecksumsAllocateNothing(t *testing.T) {
	for _, m := range modes {
		b := newBench(t, summed(m.producers, m.consumers, 8), 0)
		small, large := ringtest.Record(1, 40), ringtest.Record(2, 150)
		buf := make([]byte, 0, 256)
		bufs := [][]byte{make([]byte, 0, 256), make([]byte, 0, 256)}
		v := inspect.NewViewer(b.r)
		rec := inspect.Record{Data: make([]byte, 0, 256)}
		got := 0
		require.Zero(t, testing.AllocsPerRun(100, func() {
			_ = b.p.Send(small)
			_ = b.p.Send(large)
			v.Rewind()
			_ = v.Next(&rec)
			buf, _, _ = b.c.TryReceive(buf)
			_, _, _ = b.c.TryReceiveBatch(bufs)
			for room, err := b.p.Reserve(60); err == nil; room, err = b.p.Reserve(60) {
				copy(room, small)
				_ = b.p.Commit(40)
			}
			for err := error(nil); err == nil; got++ {
				buf, _, err = b.c.TryReceive(buf)
			}
		}))
		require.Greater(t, got, 200)
		require.Zero(t, b.r.Torn())
	}
}
