package layout_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
)

func TestTurnWord(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, uint64(0x0000_4b40_0000_3004), layout.TurnOf(3, 301, 3), "as documented")
	require.Equal(t, -1, layout.Turn(0).Seat())
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10000 {
		seat, now, limit := rng.IntN(layout.MaxSeats), rng.Uint64(), rng.Uint64()
		left, before := rng.Int64N(1<<26)-1<<25, rng.Int64N(1<<26)-1<<25
		w := layout.TurnOf(seat, now+uint64(left), limit)
		require.Equal(t, seat, w.Seat())
		require.Equal(t, left, w.Left(now))
		require.Equal(t, before, w.Before(limit-uint64(before)))
	}
}
