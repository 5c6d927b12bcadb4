//go:build linux

package ring_test

import (
	"fmt"
	"math"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// promised returns a region of addresses: only what is touched takes memory.
func promised(t *testing.T, g layout.Geometry) *ringtest.Region {
	t.Helper()
	if strconv.IntSize == 32 {
		t.Skip("more than a 32-bit process can map")
	}
	b, err := syscall.Mmap(-1, 0, int(g.TotalSize()), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		t.Skip("the system does not promise that much memory: ", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(b)) })
	return &ringtest.Region{Bytes: b, Geometry: g}
}

// Records in the data areas of a ring of 8 GiB are each in a place of their own: an
// offset that lost its upper half would lead to another's.
func TestRecordsBeyondFourGiB(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		g := layout.Geometry{ManyProducers: mp, ManyConsumers: mc, Seats: 4, Slots: 64, AreaSize: 128 << 20}
		m := promised(t, g)
		b := &bench{T: t, m: m, r: m.Ring()}
		b.p, b.c = b.producer(0), b.r.NewConsumer(1)
		for lap := range uint64(3) {
			for i := range g.Slots {
				b.send(100, lap*g.Slots+i+1)
			}
			require.NoError(t, inOrder(b.r))
			for i := range g.Slots {
				l := b.lease(b.c, lap*g.Slots+i+1, 0)
				at := uint64(uintptr(unsafe.Pointer(&l.Data[0])) - uintptr(unsafe.Pointer(&m.Bytes[0])))
				require.Equal(t, g.DataOffset()+i*g.AreaSize, at)
				b.c.Ack(l)
			}
		}
	})
}

// With the most slots there can be the lines alone take 1 GiB, the areas 16 GiB. The
// ring carries records around its end.
func TestTheMostSlots(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		g := layout.Geometry{ManyProducers: mp, ManyConsumers: mc, Seats: 4, Slots: layout.MaxSlots, AreaSize: 1024}
		m := promised(t, g)
		if testproc.Long() { // reads every line: some 2 s
			require.NoError(t, inOrder(m.Ring()))
			require.Zero(t, m.Ring().Sweep(2))
		}
		start := g.Slots - 5
		for _, off := range []uint64{layout.HotHead, layout.HotTail, layout.HotHandout} {
			m.SetHot(off, start)
		}
		for p := g.Slots; mc && p < g.Slots+40; p++ {
			m.SetWord(p, layout.FreeWord(p, g.Shift()))
		}
		b := &bench{T: t, m: m, r: m.Ring()}
		b.p, b.c = b.producer(0), b.r.NewConsumer(1)
		b.send(100, 1, 2)
		b.send(5000, 3) // behind a filler
		b.send(8, 4, 5)
		require.Equal(t, layout.FullWord(start, 1, g.Shift()), m.Word(start), "where the layout says")
		require.Equal(t, layout.FullWord(g.Slots, 5, g.Shift()), m.Word(g.Slots))
		for id := uint64(1); id <= 5; id++ {
			b.c.Ack(b.lease(b.c, id, 0))
		}
		b.empty(b.c)
		head, tail := b.r.Positions()
		require.Equal(t, []uint64{g.Slots + 7, g.Slots + 7}, []uint64{head, tail})
		require.Equal(t, math.MaxInt32, b.p.MaxRecord())
	})
}

// The largest record has a length of 31 bits.
func TestTheLargestRecord(t *testing.T) {
	eachMode(t, func(t *testing.T, mp, mc bool) {
		g := layout.Geometry{ManyProducers: mp, ManyConsumers: mc, Seats: 4, Slots: 4, AreaSize: layout.MaxAreaSize}
		m := promised(t, g)
		b := &bench{T: t, m: m, r: m.Ring()}
		b.p, b.c = b.producer(0), b.r.NewConsumer(1)
		most := b.p.MaxRecord()
		require.Equal(t, math.MaxInt32, most)
		_, err := b.p.Reserve(most + 1)
		require.ErrorIs(t, err, ring.ErrTooLarge)
		for n := range byte(5) { // both halves of the ring, more than once
			room, err := b.p.Reserve(most)
			require.NoError(t, err)
			require.Len(t, room, most)
			for _, at := range []int{0, 1 << 30, most - 1} {
				room[at] = n + byte(at>>30) + 1
			}
			require.NoError(t, b.p.Commit(most))
			require.NoError(t, inOrder(b.r))
			l := &ring.Lease{}
			require.NoError(t, b.c.TryLease(l))
			require.Len(t, l.Data, most)
			for _, at := range []int{0, 1 << 30, most - 1} {
				require.Equal(t, n+byte(at>>30)+1, l.Data[at], fmt.Sprint(at))
			}
			b.c.Ack(l)
		}
	})
}
