package ring_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// A stream of bytes comes out as it went in, whatever it is cut into, round the ring many
// times, and also past the wrap of the words.
func TestStreamOfBytes(t *testing.T) {
	t.Parallel()
	for _, start := range []uint64{0, 3, 1<<60 - 40} {
		b := newBench(t, geometry(false, false, 8), start)
		r := rand.New(rand.NewPCG(start, 0))
		sent, got := 0, 0
		for got < 20_000 {
			if want := 1 + r.IntN(700); r.IntN(2) == 0 {
				room, err := b.p.Room(want)
				if err == ring.ErrFull {
					require.False(t, b.p.HasRoom(1))
				} else {
					require.NoError(t, err)
					require.True(t, b.m.Holds(room))
					require.NotEmpty(t, room)
					require.LessOrEqual(t, len(room), want)
					n := 1 + r.IntN(len(room))
					for i := range n {
						room[i] = byte((sent + i) * 31 >> 3)
					}
					require.NoError(t, b.p.Publish(n))
					sent += n
				}
			} else if r.IntN(4) == 0 && b.p.Send([]byte{byte(sent * 31 >> 3)}) == nil {
				sent++
			}
			var l ring.Lease
			if r.IntN(2) == 0 && b.c.TryLease(&l) == nil {
				for i, x := range l.Data {
					require.Equal(t, byte((got+i)*31>>3), x)
				}
				got += len(l.Data)
				b.c.Ack(&l)
			}
			require.LessOrEqual(t, got, sent)
		}
	}
}

func TestRoomEndsWithTheRingAndWithWhatIsFree(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(false, false, 8), 5)
	room := func(want, n int) {
		t.Helper()
		got, err := b.p.Room(want)
		require.NoError(t, err)
		require.Len(t, got, n)
	}
	require.ErrorIs(t, b.p.Publish(1), ring.ErrNotReserved)
	room(1000, 3*64) // to the end of the ring
	require.ErrorIs(t, b.p.Publish(3*64+1), ring.ErrNotReserved)
	require.ErrorIs(t, b.p.Publish(0), ring.ErrNotReserved)
	require.NoError(t, b.p.Publish(2*64+1), "of the third slot a byte")
	require.ErrorIs(t, b.p.Publish(1), ring.ErrNotReserved, "once")
	room(1000, 4*64) // half the ring
	room(10, 10)
	require.NoError(t, b.p.Publish(10))
	room(1000, 4*64)
	require.NoError(t, b.p.Publish(4*64))
	_, err := b.p.Room(1)
	require.ErrorIs(t, err, ring.ErrFull)
	require.False(t, b.p.HasRoom(1))
	var l ring.Lease
	require.NoError(t, b.c.TryLease(&l))
	require.Len(t, l.Data, 2*64+1)
	b.c.Ack(&l)
	require.True(t, b.p.HasRoom(1))
	require.True(t, b.p.HasRoom(1000), "a quarter of the ring is enough for any size")
	room(1000, 3*64)
	require.NoError(t, b.p.Publish(2*64))
	require.True(t, b.p.HasRoom(64))
	require.False(t, b.p.HasRoom(65))
	require.NoError(t, func() error { _, err := b.p.Reserve(1); return err }())
	_, err = b.p.Room(1)
	require.ErrorIs(t, err, ring.ErrReserved)
	require.ErrorIs(t, b.p.Publish(1), ring.ErrNotReserved)
}

func TestRoomOfADamagedRing(t *testing.T) {
	t.Parallel()
	b := newBench(t, geometry(false, false, 8), 0)
	b.m.SetHot(layout.HotHead, 1<<40)
	_, err := b.p.Room(1000)
	require.NoError(t, err, "it has not looked yet")
	require.NoError(t, b.p.Publish(4*64))
	_, err = b.p.Room(4 * 64)
	require.NoError(t, err)
	require.NoError(t, b.p.Publish(4*64))
	_, err = b.p.Room(1)
	require.ErrorIs(t, err, ring.ErrDamaged)
	require.True(t, b.p.HasRoom(1), "so that the caller is told")
}
