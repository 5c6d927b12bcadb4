package layout_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
)

// Bits of position that words carry.
const (
	unownedBits = 60
	ownedBits   = 50
)

func eachShift(t *testing.T, f func(t *testing.T, shift uint, rng *rand.Rand)) {
	for shift := uint(1); shift <= 24; shift++ {
		t.Run(fmt.Sprintf("shift=%d", shift), func(t *testing.T) {
			t.Parallel()
			f(t, shift, rand.New(rand.NewPCG(uint64(shift), 7)))
		})
	}
}

// positions are interesting ones for a shift: around each wrap, and random ones.
func positions(rng *rand.Rand, shift uint) []uint64 {
	ps := []uint64{0, 1, 1<<shift - 1, 1 << shift}
	for _, bit := range []uint{32, 49, 50, 59, 60, 63} {
		for d := uint64(0); d < 3; d++ {
			ps = append(ps, 1<<bit-1-d, 1<<bit+d, 1<<bit-1<<shift+d)
		}
	}
	for range 50 {
		ps = append(ps, rng.Uint64(), rng.Uint64()>>rng.IntN(60))
	}
	return append(ps, ^uint64(0), ^uint64(0)<<shift)
}

type kind struct {
	state layout.State
	make  func(p, k uint64, seat int, shift uint) layout.Word
}

var kinds = []kind{
	{layout.Claimed, layout.ClaimedWord},
	{layout.Full, func(p, k uint64, _ int, s uint) layout.Word { return layout.FullWord(p, k, s) }},
	{layout.Reading, func(p, k uint64, seat int, s uint) layout.Word { return layout.ReadingWord(p, k, seat, false, s) }},
	{layout.ReadingAcked, func(p, k uint64, seat int, s uint) layout.Word { return layout.ReadingWord(p, k, seat, true, s) }},
	{layout.Orphan, func(p, k uint64, _ int, s uint) layout.Word { return layout.OrphanWord(p, k, false, s) }},
	{layout.OrphanAcked, func(p, k uint64, _ int, s uint) layout.Word { return layout.OrphanWord(p, k, true, s) }},
	{layout.Skip, func(p, k uint64, _ int, s uint) layout.Word { return layout.SkipWord(p, k, s) }},
}

func TestWordsTellWhatTheyWereMadeOf(t *testing.T) {
	t.Parallel()
	eachShift(t, func(t *testing.T, shift uint, rng *rand.Rand) {
		for _, p := range positions(rng, shift) {
			for _, kd := range kinds {
				k := 1 + rng.Uint64N(1<<shift-1)
				seat := rng.IntN(layout.MaxSeats)
				w := kd.make(p, k, seat, shift)
				require.Equal(t, kd.state, w.State())
				require.Equal(t, k, w.Slots(shift))
				require.Zero(t, w.CompareLap(p, shift))
				require.Equal(t, p, w.Position(p&(1<<shift-1), p, shift))
				if kd.state.Owned() {
					require.Equal(t, seat, w.Seat())
				}
			}
			w := layout.FreeWord(p, shift)
			require.Equal(t, layout.Free, w.State())
			require.Zero(t, w.Slots(shift), "a free word speaks for its own slot only")
			require.Zero(t, w.CompareLap(p, shift))
			require.False(t, w.State().Owned())
		}
	})
}

func TestLapsCompareAcrossEveryWrap(t *testing.T) {
	t.Parallel()
	eachShift(t, func(t *testing.T, shift uint, rng *rand.Rand) {
		laps := []uint64{1, 2, 3, 1 << 10}
		for _, p := range positions(rng, shift) {
			for _, kd := range kinds {
				w := kd.make(p, 1, 5, shift)
				for _, d := range laps {
					require.Negative(t, w.CompareLap(p+d<<shift, shift), "%v of %#x seen from %d laps later", kd.state, p, d)
					require.Positive(t, w.CompareLap(p-d<<shift, shift), "%v of %#x seen from %d laps before", kd.state, p, d)
				}
			}
		}
	})
}

func TestPositionIsTheOneNearestToTheReference(t *testing.T) {
	t.Parallel()
	eachShift(t, func(t *testing.T, shift uint, rng *rand.Rand) {
		for _, p := range positions(rng, shift) {
			for _, kd := range kinds {
				i := p & (1<<shift - 1)
				bits := unownedBits
				if kd.state.Owned() {
					bits = ownedBits
				}
				w := kd.make(p, 1, 1023, shift)
				near := rng.Uint64N(1 << (bits - 1 - 1))
				require.Equal(t, p, w.Position(i, p+near, shift))
				require.Equal(t, p, w.Position(i, p-near, shift))
			}
		}
	})
}

// A word repeats only when its position bits wrap.
func TestWordsOfDifferentLapsDiffer(t *testing.T) {
	t.Parallel()
	eachShift(t, func(t *testing.T, shift uint, rng *rand.Rand) {
		for _, p := range positions(rng, shift) {
			for bit := shift; bit < 64; bit++ {
				q := p ^ 1<<bit
				require.Equal(t, bit >= unownedBits, layout.FreeWord(p, shift) == layout.FreeWord(q, shift), "bit %d", bit)
				require.Equal(t, bit >= unownedBits, layout.FullWord(p, 1, shift) == layout.FullWord(q, 1, shift), "bit %d", bit)
				require.Equal(t, bit >= ownedBits, layout.ClaimedWord(p, 1, 3, shift) == layout.ClaimedWord(q, 1, 3, shift), "bit %d", bit)
			}
		}
	})
}

func TestZeroedMemoryIsAnEmptyRing(t *testing.T) {
	t.Parallel()
	eachShift(t, func(t *testing.T, shift uint, _ *rand.Rand) {
		require.Zero(t, layout.FreeWord(0, shift))
		require.Zero(t, layout.FreeWord(1<<shift-1, shift))
		require.NotZero(t, layout.FreeWord(1<<shift, shift))
	})
}

func TestStatesHaveNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for s := layout.Free; s <= layout.Skip; s++ {
		require.NotContains(t, s.String(), "invalid")
		require.False(t, seen[s.String()])
		seen[s.String()] = true
	}
	require.Equal(t, "invalid(9)", layout.Word(9).State().String())
}
