package plot

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTicksCoverTheData: for any data the ticks ascend, are few, and the first and the
// last enclose the data.
func TestTicksCoverTheData(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		lo := math.Pow(10, rnd.Float64()*24-12)
		hi := lo * math.Pow(10, rnd.Float64()*rnd.Float64()*24)
		if rnd.IntN(4) == 0 {
			lo = hi
		}
		from := lo - hi*float64(rnd.IntN(2)) // sometimes below zero, for linear axes
		for name, c := range map[string]struct {
			a      axis
			lo, hi float64
			most   int
		}{
			"decades":    {decadeAxis(lo, hi, nanoseconds), lo, hi, maxSteps + 1},
			"doublings":  {doublingAxis(lo, hi, byteSize), lo, hi, maxSteps + 1},
			"linear":     {linearAxis(from, hi, decimalStep, number), from, hi, maxSteps + 1},
			"bytes":      {linearAxis(from, hi, binaryStep, byteSize), from, hi, maxSteps + 1},
			"percentile": {percentileAxis(max(10, hi)), 1, max(10, hi), 40},
		} {
			requireCovers(t, c.a, c.lo, c.hi, c.most, fmt.Sprintf("%s %v to %v", name, c.lo, c.hi))
		}
	}
}

func requireCovers(t *testing.T, a axis, lo, hi float64, most int, msg string) {
	t.Helper()
	size := max(math.Abs(lo), math.Abs(hi)) * 2 * almost
	first, last := a.ticks[0].at, a.ticks[len(a.ticks)-1].at
	require.True(t, first == a.lo && last == a.hi && a.lo < a.hi, "%s: axis %v to %v, ticks %v", msg, a.lo, a.hi, a.ticks)
	require.LessOrEqual(t, first, lo+size, msg)
	require.GreaterOrEqual(t, last, hi-size, msg)
	require.LessOrEqual(t, len(a.ticks), most, msg)
	require.True(t, slices.IsSortedFunc(a.ticks, func(x, y tick) int {
		if x.at < y.at {
			return -1
		}
		return 1
	}), "%s: %v", msg, a.ticks)
	require.InDelta(t, 0, a.place(first), 1e-12, msg)
	require.InDelta(t, 1, a.place(last), 1e-12, msg)
}

func TestTicks(t *testing.T) {
	labels := func(a axis) (labels []string) {
		for _, t := range a.ticks {
			labels = append(labels, t.label)
		}
		return labels
	}
	require.Equal(t, []string{"100 ns", "200 ns", "500 ns", "1 us", "2 us"}, labels(decadeAxis(120, 1100, nanoseconds)))
	require.Equal(t, []string{"100 ns", "1 us", "10 us", "100 us", "1 ms", "10 ms", "100 ms", "1 s", "10 s"}, labels(decadeAxis(100, 1e10, nanoseconds)))
	require.Equal(t, []string{"8 B", "16 B", "32 B", "64 B"}, labels(doublingAxis(8, 64, byteSize)))
	require.Equal(t, []string{"0 B", "512 B", "1 KiB", "1.5 KiB", "2 KiB", "2.5 KiB", "3 KiB", "3.5 KiB", "4 KiB"}, labels(linearAxis(0, 4096, binaryStep, byteSize)))
	require.Equal(t, []string{"0", "0.1", "0.2", "0.3", "0.4"}, labels(linearAxis(0, 0.4, func(float64) float64 { return 0.1 }, number)))
	require.Equal(t, []string{"0%", "50%", "90%", "99%", "99.9%"}, labels(percentileAxis(1/(1-0.999))))
}
