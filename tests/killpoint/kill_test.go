//go:build linux && amd64

package killpoint

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// TestKillAtEveryInstruction kills a process at every instruction of every operation
// of a few hundred, and at the first and last of each class in those that are longer,
// if SHMQ_LONG=1. Otherwise it kills at a few points of each, chosen at random, which
// SHMQ_KILLPOINT_SEED repeats.
func TestKillAtEveryInstruction(t *testing.T) {
	if testproc.Race && !testproc.Long() {
		t.Skip("one thread of a victim is stepped, so there are no races to be seen, but the detector's own instructions")
	}
	mayTrace(t)
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
	drawn := draw(rand.New(rand.NewPCG(from, 0)), scenarios)
	for i, mode := range testagent.Modes() {
		for j, s := range scenarios(mode) {
			if !long && (s.variant || s.rare) && drawn[s.name] != modeName(mode) {
				continue
			}
			most := math.MaxInt
			if s.variant {
				most = variantPoints(100)
			}
			t.Run(s.name+", "+modeName(mode), func(t *testing.T) {
				t.Parallel()
				table.add(explore(t, s, cpus, choice{long, most, false, rand.New(rand.NewPCG(from, uint64(i<<16|j)))}))
			})
		}
	}
	for j, p := range plays() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			table.add(p.explore(t, cpus, choice{long, math.MaxInt, false, rand.New(rand.NewPCG(from, uint64(1<<32|j)))}))
		})
	}
}

// plays are all that are not about a single queue.
func plays() (all []play) {
	for _, s := range connScenarios() {
		all = append(all, s.play())
	}
	for _, s := range shakeScenarios() {
		all = append(all, s.play())
	}
	for _, s := range rpcScenarios() {
		all = append(all, s.play())
	}
	for _, s := range eachScenarios() {
		all = append(all, s.play())
	}
	return all
}

// draw chooses the half of the variants, and the quarter of the rare ones, that the bounded form has, and for each its
// mode.
func draw(r *rand.Rand, scenarios func(mode shmq.Options) []*scenario) map[string]string {
	in := map[string][]string{}
	of := map[string]int{}
	var names []string
	for _, mode := range testagent.Modes() {
		for _, s := range scenarios(mode) {
			if in[s.name] == nil {
				names = append(names, s.name)
			}
			in[s.name] = append(in[s.name], modeName(mode))
			of[s.name] = 2
			if s.rare {
				of[s.name] = 4
			}
		}
	}
	drawn := map[string]string{}
	for _, name := range names {
		if i := r.IntN(of[name] * len(in[name])); i < len(in[name]) {
			drawn[name] = in[name][i]
		}
	}
	return drawn
}

// explore kills a victim of its own at each chosen point of a scenario.
func explore(t *testing.T, s *scenario, cpus chan int, choose choice) row {
	runtime.LockOSThread() // the thread that starts a victim traces it
	defer runtime.UnlockOSThread()
	page, path := newPage(t)
	if err := fixAddresses(); err != nil {
		t.Logf("all instructions are stepped: %v", err)
	}
	c, err := func() (c course, err error) {
		err = withVictim(t, s, page, path, cpus, func(v *tracee, w *world) error {
			c, err = pass(v, len(s.calls), 2, w.changed, choose.limit())
			return err
		})
		return c, err
	}()
	require.NoError(t, err, "the pass")
	r := row{scenario: s, course: c, states: map[state]bool{}}
	for _, p := range choose.points(c) {
		at, over := 0, false
		kill := func(way *spot) error {
			return withVictim(t, s, page, path, cpus, func(v *tracee, w *world) error {
				if err := reach(v, len(s.calls), p, way); err != nil {
					return err
				}
				at, over = v.progress(), v.over
				left, err := w.left()
				r.states[left] = true
				return err
			})
		}
		var way *spot
		if s, has := c.spots[p]; has {
			way = &s
		}
		err := kill(way)
		if errors.Is(err, errMissed) { // all the way by steps, then
			r.missed++
			err = kill(nil)
		}
		over = over && !c.cut                                      // or where it ends is not known
		for tries := 0; tries < 3 && err == nil && over; tries++ { // a clock sends it another way now and then
			err = kill(nil)
		}
		if over && err == nil {
			r.passed++
			continue
		}
		r.points++
		if err != nil {
			r.failures++
			t.Errorf("killed %v, when %d calls had returned: %v", p, at, err)
			if r.failures == 5 {
				t.Log("no more of this one")
				break
			}
		}
	}
	t.Log(r) // now, for a run of hours may be ended before its table comes
	if r.missed+r.passed > 0 {
		t.Logf("%d points were tried, %d by steps alone; %d more were not come by: the operation was over", r.points, r.missed, r.passed)
	}
	return r
}

// withVictim starts a victim in a world of its own, lets do have it stopped at the
// start of its operation, kills it where that left it, and checks the contract.
func withVictim(t *testing.T, s *scenario, page *page, path string, cpus chan int, do func(v *tracee, w *world) error) error {
	w := newWorld(t, s)
	defer w.close()
	returned := 0
	if err := pinned(cpus, func(cpu int) error { // from the start on: one that waits for its turn looks for it all the time
		v, err := startVictim(page, path, s.program, w.theirs+"|"+modeName(s.mode)+"|"+s.name, w.anonymous)
		if err != nil {
			return err
		}
		defer v.kill()
		w.ready()
		if err := v.seize(cpu); err != nil {
			return err
		}
		w.strike()
		if err := v.begin(); err != nil {
			return err
		}
		err = do(v, w)
		returned = v.progress()
		return err
	}); err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	return w.contract(returned)
}

// pinned runs f on a processor that no other tracer has.
func pinned(cpus chan int, f func(cpu int) error) error {
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	cpu := <-cpus
	defer func() { cpus <- cpu }()
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &before)
	return f(cpu)
}

// processors are those that this process may run on.
func processors(t *testing.T) chan int {
	var set unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &set))
	cpus := make(chan int, 2*set.Count()) // while one victim sleeps another one runs
	for i := 0; len(cpus) < cap(cpus); i = (i + 1) % (len(set) * 64) {
		if set.IsSet(i) {
			cpus <- i
		}
	}
	return cpus
}

// mayTrace skips the test where tracing is refused, as in many containers.
func mayTrace(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/bin/sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip("nothing to try ptrace on:", err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if err := unix.PtraceSeize(cmd.Process.Pid); err != nil {
		t.Skip("ptrace is refused here:", err)
	}
}
