//go:build linux && amd64

package killpoint

import (
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// TestKillForEachOfC is TestKillAtEveryInstructionOfC for queues of which each consumer gets every record. Without
// SHMQ_LONG each operation is that of one kind of producers, which is drawn.
func TestKillForEachOfC(t *testing.T) {
	if testproc.Race && !testproc.Long() {
		t.Skip("the victim is a program in C, the same with and without the race detector")
	}
	mayTrace(t)
	program, has := victimInC(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	kinds := map[string][]*eachScenario{} // of each operation
	for _, s := range eachScenarios() {
		plain := s.name[:strings.LastIndex(s.name, ", ")]
		switch {
		case !slices.Contains(has, plain) || !strings.Contains(s.name, os.Getenv("SHMQ_KILLPOINT_ONLY")):
		case s.skip && (strings.Contains(plain, "lease") || plain == "each: leave a durable one"):
			// libshmq has no leases where producers wait for none
		default:
			kinds[plain] = append(kinds[plain], s)
		}
	}
	require.True(t, len(kinds) == 19 || os.Getenv("SHMQ_KILLPOINT_ONLY") != "", "%d operations", len(kinds))
	table := &table{}
	t.Cleanup(func() { table.print(t, testproc.Long()) })
	cpus := processors(t)
	for _, plain := range slices.Sorted(maps.Keys(kinds)) {
		all := kinds[plain]
		if !testproc.Long() {
			all = all[dice.IntN(len(all)):][:1]
		}
		for _, s := range all {
			choice := choice{testproc.Long(), variantPoints(math.MaxInt), true, rand.New(rand.NewPCG(seed, dice.Uint64()))}
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				p := s.play()
				set := p.set
				p.set = func(t *testing.T) stage { return inC{set(t), program} }
				table.add(p.explore(t, cpus, choice))
			})
		}
	}
}

// inC is a stage whose victim is a program in C.
type inC struct {
	stage
	path string
}

func (c inC) program() string { return c.path }
