//go:build linux && amd64

package killpoint

import (
	"math/rand/v2"
	"slices"

	"github.com/shmq/shmq/internal/testproc"
)

// choice decides where to kill.
type choice struct {
	long bool
	rand *rand.Rand
}

const (
	// every is how many instructions an operation may have to be killed at each.
	every = 4000
	// between is how many points, spread evenly, a longer one gets beside the
	// first and the last of each class.
	between = 300
)

// few is how many points each operation gets in the bounded form.
func few() int {
	if testproc.Race {
		return 1 // what it is compiled to is not what users run
	}
	return 8
}

func (c choice) points(of course) []point {
	var bounds []point
	for _, k := range of.classes {
		bounds = append(bounds, k.first)
		if k.last != k.first {
			bounds = append(bounds, k.last)
		}
	}
	if !c.long {
		c.rand.Shuffle(len(bounds), func(i, j int) { bounds[i], bounds[j] = bounds[j], bounds[i] })
		return bounds[:min(few(), len(bounds))]
	}
	step := 1
	if of.instructions > every {
		step = of.instructions/between + 1
	}
	seen := map[point]bool{}
	for _, p := range bounds {
		seen[p] = true
	}
	for n := 0; n <= of.instructions; n += step {
		if p := (point{steps: n}); !seen[p] {
			bounds = append(bounds, p)
		}
	}
	slices.SortFunc(bounds, func(a, b point) int { return a.steps - b.steps })
	return bounds
}
