package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/ring"
)

// In a full ring tail - head is more than the slots while head lags. It is as full for those
// that decide whether to wake a producer.
func TestDepthOfAFullRingWhoseHeadLags(t *testing.T) {
	for _, many := range []bool{false, true} {
		b := newBench(t, geometry(many, true, 8), 0)
		b.r.SetStride(8)
		b.p, b.c = b.producer(0), b.r.NewConsumer(1)
		b.send(8, 0, 1, 2, 3, 4, 5, 6, 7)
		for id := range uint64(3) {
			b.c.Ack(b.lease(b.c, id, 0))
		}
		b.send(8, 8, 9, 10)
		require.ErrorIs(t, b.p.Send(nil), ring.ErrFull)
		require.EqualValues(t, 8, b.r.Depth())
		require.False(t, b.r.HasRoom())
		require.False(t, b.r.RoomWorthWaking(), "one wake-up a quarter lap, not one a slot")
		require.ErrorIs(t, drainOne(b), nil)
	}
}

func drainOne(b *bench) error {
	_, _, err := b.c.TryReceive(nil)
	return err
}

// A consumer that has to stop at an end is at an end of its work like one that found the ring
// empty: what it freed counts as room.
func TestRoomBeforeAConsumerThatStopsAtAnEnd(t *testing.T) {
	for _, many := range []bool{false, true} {
		for _, peeks := range []bool{false, true} {
			b := newBench(t, geometry(many, true, 8), 0)
			b.r.SetStride(8)
			b.p, b.c = b.producer(0), b.r.NewConsumer(1)
			b.c.Listen(true)
			b.r.BeginStream()
			b.send(8, 0, 1, 2)
			b.r.LeaveStream()
			require.True(t, b.r.NoteEnd(true))
			b.r.WarnOfStream()
			b.r.BeginStream()
			b.send(8, 3, 4, 5, 6, 7)
			require.ErrorIs(t, b.p.Send(nil), ring.ErrFull)
			for range 3 {
				require.NoError(t, drainOne(b))
			}
			if peeks {
				require.False(t, b.c.Peek())
			} else {
				require.ErrorIs(t, drainOne(b), ring.ErrEmpty)
			}
			require.True(t, b.r.HasRoom(), "many producers %t", many)
			require.NoError(t, b.p.Send(nil))
		}
	}
}
