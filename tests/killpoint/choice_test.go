//go:build linux && amd64

package killpoint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"

	"github.com/shmq/shmq/internal/testproc"
)

// choice decides where to kill.
type choice struct {
	long bool
	most int  // points in the long form
	all  bool // in the long form, every instruction, however many there are
	rand *rand.Rand
}

const (
	// every is how many instructions an operation may have to be killed at each.
	every = 1000
	// between is how many points, spread evenly, a longer one gets beside the
	// first and the last of each class.
	between = 100
	// few is how many points each operation gets in the bounded form.
	few = 4
	// near is how many instructions the bounded form steps through one by one,
	// and how far from a system call it kills beyond these.
	near = 1000
)

// variantPoints is how many points a variant gets in the long form, most unless SHMQ_KILLPOINT_VARIANTS says otherwise.
func variantPoints(most int) int {
	if n, err := strconv.Atoi(os.Getenv("SHMQ_KILLPOINT_VARIANTS")); err == nil {
		return n
	}
	return most
}

// part returns which of how many parts of the points SHMQ_KILLPOINT_PART asks for, as "2/5" for the
// second one of five; without it there is one part.
func part() (which, of int) {
	var n, m int
	if _, err := fmt.Sscanf(os.Getenv("SHMQ_KILLPOINT_PART"), "%d/%d", &n, &m); err == nil && 1 <= n && n <= m {
		return n - 1, m
	}
	return 0, 1
}

// classesOnly reports whether SHMQ_KILLPOINT_CLASSES asks for the first and the last instruction of each class alone: what
// lies between two changes of what others see leaves them the same state.
func classesOnly() bool { return os.Getenv("SHMQ_KILLPOINT_CLASSES") != "" }

// limit is how many instructions a pass steps through.
func (c choice) limit() int {
	if c.long {
		return math.MaxInt
	}
	return near
}

func (c choice) points(of course) []point {
	if !c.long {
		return c.sample(of)
	}
	step := 1
	if len(of.all) > every && !c.all {
		step = len(of.all)/between + 1
	}
	bounds := map[point]bool{}
	for _, k := range of.classes {
		bounds[k.first], bounds[k.last] = true, true
	}
	var points []point
	which, parts := part()
	some := !classesOnly()
	for i, p := range of.all {
		if (some && i%step == 0 || bounds[p]) && i%parts == which {
			points = append(points, p)
		}
	}
	for len(points) > c.most {
		i := c.rand.IntN(len(points))
		points = slices.Delete(points, i, i+1)
	}
	return points
}

// sample chooses the first or the last of some classes.
func (c choice) sample(of course) []point {
	var points []point
	n := few
	if testproc.Race {
		n = 1 // what is compiled then is not what users run
	}
	for _, i := range c.rand.Perm(len(of.classes))[:min(n, len(of.classes))] {
		p := of.classes[i].first
		switch {
		case c.rand.IntN(2) == 0:
		case of.cut && !p.asleep && (p.calls > 0 || i == len(of.classes)-1): // the last is not known
			p.steps += c.rand.IntN(near)
		default:
			p = of.classes[i].last
		}
		points = append(points, p)
	}
	return points
}
