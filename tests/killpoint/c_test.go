//go:build linux && amd64

package killpoint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// TestKillAtEveryInstructionOfC is TestKillAtEveryInstruction for a victim in C, with libshmq,
// and the contract is checked by participants in Go. Such a process has no runtime in the way,
// and operations of some hundred instructions; so with SHMQ_LONG=1 it is killed at every one of
// them, variants included. Where it spins before it sleeps, that is so of the same operation without the spin, which
// repeats itself some ten thousand instructions long. Its clock stands still meanwhile, but for what it sleeps: see
// the victim. SHMQ_KILLPOINT_ONLY is a part of the names of the scenarios that are wanted,
// SHMQ_KILLPOINT_PART which part of their points, "1/4" to "4/4" for example, SHMQ_KILLPOINT_CLASSES has only the first and the last
// instruction of each class.
func TestKillAtEveryInstructionOfC(t *testing.T) {
	if testproc.Race && !testproc.Long() {
		t.Skip("the victim is a program in C, the same with and without the race detector")
	}
	mayTrace(t)
	program, has := victimInC(t)
	long := testproc.Long()
	from := uint64(time.Now().UnixNano())
	if s := os.Getenv("SHMQ_KILLPOINT_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		from = n
	}
	t.Logf("SHMQ_KILLPOINT_SEED=%d", from)
	table := &table{}
	t.Cleanup(func() { table.print(t, long) })
	cpus := processors(t)
	drawn := draw(rand.New(rand.NewPCG(from, 0)), scenariosOfC)
	only := os.Getenv("SHMQ_KILLPOINT_ONLY")
	for i, mode := range testagent.Modes() {
		for j, s := range scenariosOfC(mode) {
			if !slices.Contains(has, plainName(s.name)) || !strings.Contains(s.name+", "+modeName(mode), only) {
				continue
			}
			if !long && (s.variant || s.rare) && drawn[s.name] != modeName(mode) {
				continue
			}
			most := math.MaxInt
			if s.variant {
				most = variantPoints(math.MaxInt)
			}
			s.program = program
			t.Run(s.name+", "+modeName(mode), func(t *testing.T) {
				t.Parallel()
				table.add(explore(t, s, cpus, choice{long, most, !spins(s), rand.New(rand.NewPCG(from, uint64(i<<16|j)))}))
			})
		}
	}
}

const (
	atOnce      = ", at once"
	atHeartbeat = ", at a heartbeat" // the first call looks for the dead, and whether the queue is still there
)

// spins reports whether the victim spins before it sleeps.
func spins(s *scenario) bool {
	waits := slices.ContainsFunc([]string{"park, ", "select, ", "told "}, func(p string) bool { return strings.HasPrefix(s.name, p) })
	return waits && !strings.HasSuffix(s.name, atOnce)
}

// scenariosOfC are those of Go, those that C alone has, and those that spin once more without that.
func scenariosOfC(mode shmq.Options) []*scenario {
	all := append(scenarios(mode), onlyInC(mode)...)
	for _, s := range all {
		if spins(s) {
			quick := *s
			quick.name += atOnce
			all = append(all, &quick)
		}
	}
	return all
}

// plainName is the name of the scenario of which s is a variant.
func plainName(s string) string {
	for _, suffix := range []string{atOnce, atHeartbeat, ", checksums", ", " + timeStamps, ", " + string(inDescriptor), ", " + string(inSegment)} {
		s = strings.TrimSuffix(s, suffix)
	}
	return s
}

// victimInC builds the victim and returns it with the scenarios that it has. It skips the test
// where there is no compiler.
func victimInC(t *testing.T) (program string, has []string) {
	for _, tool := range []string{"cc", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here, so no victim in C: %v", tool, err)
		}
	}
	build := t.TempDir()
	out, err := exec.Command("make", "-s", "-C", filepath.Join("..", "..", "clients", "c"), "BUILD="+build, "victim").CombinedOutput()
	require.NoError(t, err, "%s", out)
	program = filepath.Join(build, "victim")
	list, err := exec.Command(program, "list").Output()
	require.NoError(t, err)
	has = strings.Split(strings.TrimSpace(string(list)), "\n")
	require.Greater(t, len(has), 40, fmt.Sprint(has))
	return program, has
}
