package bench

import (
	"math"
	"slices"
)

// median returns the middle of xs, or of the two in the middle their mean; of none it
// is NaN.
func median(xs []float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	n := len(s)
	switch {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// perOp returns nanoseconds an operation, of n in all.
func perOp(ns int64, n int) float64 { return float64(ns) / float64(n) }
