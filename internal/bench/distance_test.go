package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDistanceOfARun(t *testing.T) {
	for _, c := range []struct {
		trips   []float64
		want    Distance
		changed bool
	}{
		{[]float64{105, 128, 187}, Near, false},
		{[]float64{510, 620, 560}, Far, false},
		{[]float64{110, 540, 120}, Near, true},
		{[]float64{110, 540, 560}, Far, true},
		{[]float64{110, 540}, Far, true},
		{nil, Unknown, false},
	} {
		var ds []Distance
		for _, ns := range c.trips {
			ds = append(ds, distanceOf(ns))
		}
		got, changed := prevailing(ds)
		require.Equal(t, c.want, got, "%v", c.trips)
		require.Equal(t, c.changed, changed, "%v", c.trips)
	}
}

// Repetitions at another distance than most count in no case of the goal.
func TestOnlyOneDistanceCounts(t *testing.T) {
	reps := [][]rep{
		{{ns: 10}, {ns: 40}, {ns: 11}},
		{{ns: 5}, {ns: 20}, {ns: 6}},
		{{ns: 120}, {ns: 550}, {ns: 125}},
	}
	d, changed := keepPrevailing(reps)
	require.Equal(t, Near, d)
	require.True(t, changed)
	require.Equal(t, []float64{10, 11}, times(reps[0]))
	require.Equal(t, []float64{5, 6}, times(reps[1]))
}
