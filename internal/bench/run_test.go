//go:build linux

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

// tiny are options for a run that shows only that it works.
func tiny(cases ...Case) Options {
	return Options{Cases: cases, Time: time.Millisecond, Repetitions: 2}
}

func named(t *testing.T, name string) Case {
	t.Helper()
	c, err := find(everyCase(), name)
	require.NoError(t, err)
	return c
}

// Each kind of link works, and loses nothing; with SHMQ_LONG=1 every case is tried,
// those of the sweeps too. The numbers are small because ends that poll get nowhere
// while others want their cores.
func TestCasesRun(t *testing.T) {
	cases := everyCase()
	if !testproc.Long() {
		seen := map[string]bool{}
		cases = slices.DeleteFunc(cases, func(c Case) bool {
			key := fmt.Sprint(c.Kind, c.Link, c.Sides, c.Batch > 1, c.Consumers > 1, c.OneCore, c.Wait, c.Use, c.Skip)
			if seen[key] || c.Payload > 1<<16 {
				return true
			}
			seen[key] = true
			return false
		})
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			s, err := Open(t.Context(), c)
			if errors.Is(err, ErrUnavailable) {
				t.Skip(err)
			}
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			for _, n := range []int{1, 50} {
				sample, err := s.Run(t.Context(), n, false)
				require.NoError(t, err)
				require.Positive(t, sample.Elapsed)
				require.GreaterOrEqual(t, sample.Ops, n)
			}
			sample, err := s.Run(t.Context(), 20, true)
			require.NoError(t, err)
			if c.Latency() {
				require.GreaterOrEqual(t, sample.hist.TotalCount(), int64(20))
			} else {
				require.Nil(t, sample.hist)
			}
		})
	}
}

// keys returns the keys of a JSON object.
func keys(t *testing.T, b json.RawMessage) []string {
	t.Helper()
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(b, &m))
	return slices.Sorted(maps.Keys(m))
}

// The schema written here is the one that docs/commands.md promises.
func TestJSONSchema(t *testing.T) {
	rep, err := Run(t.Context(), tiny(named(t, "parked/one-one"), named(t, "throughput/one-one"), named(t, "throughput/pipe")))
	require.NoError(t, err)
	b, err := json.Marshal(rep)
	require.NoError(t, err)
	require.Equal(t, []string{"host", "results"}, keys(t, b))
	var got struct {
		Host    json.RawMessage
		Results []json.RawMessage
	}
	require.NoError(t, json.Unmarshal(b, &got))
	host := keys(t, got.Host)
	require.Subset(t, []string{"clock_ns", "commit", "cores", "cpu", "go", "kernel", "time", "version", "virtualised"}, host)
	require.Subset(t, host, []string{"clock_ns", "cores", "cpu", "go", "kernel", "time", "version", "virtualised"})
	require.Len(t, got.Results, 3)
	require.Equal(t, []string{"case", "limit_ns", "limit_runs", "max_ns", "ns_per_op", "ops_per_s", "p50_ns", "p90_ns", "p999_ns", "p99_ns", "payload_bytes", "ratio_to_limit", "runs"}, withoutNote(keys(t, got.Results[0])))
	require.Equal(t, []string{"case", "limit_ns", "limit_runs", "ns_per_op", "ops_per_s", "payload_bytes", "ratio_to_limit", "receive_allocs_per_op", "runs", "send_allocs_per_op"}, withoutNote(keys(t, got.Results[1])))
	require.Equal(t, []string{"case", "ns_per_op", "ops_per_s", "payload_bytes", "runs"}, withoutNote(keys(t, got.Results[2])))

	// The numbers are the ones that a reader would compute.
	var r struct {
		Case     string
		Payload  int     `json:"payload_bytes"`
		Ns       float64 `json:"ns_per_op"`
		Ops      float64 `json:"ops_per_s"`
		Limit    float64 `json:"limit_ns"`
		Ratio    float64 `json:"ratio_to_limit"`
		P50, P99 int64
		Runs     []float64
	}
	require.NoError(t, json.Unmarshal(got.Results[0], &r))
	require.Equal(t, "parked/one-one", r.Case)
	require.Equal(t, 48, r.Payload)
	require.InEpsilon(t, 1e9, r.Ns*r.Ops, 1e-9)
	require.InEpsilon(t, r.Ns/r.Limit, r.Ratio, 1e-9)
	require.Equal(t, median(r.Runs), r.Ns)
}

// withoutNote leaves out the key that depends on the machine.
func withoutNote(ks []string) []string {
	return slices.DeleteFunc(ks, func(k string) bool { return k == "note" })
}

func TestGoalIsMeasured(t *testing.T) {
	var seen []GoalResult
	rep, err := Run(t.Context(), Options{
		Goals: []Goal{{Case: "throughput/one-one", Against: []string{"throughput/pipe"}, Kind: Speed, Bound: 1e-9}, {Case: "typed/one-one", Kind: Allocations}},
		Time:  time.Millisecond, Repetitions: 1,
		Goal: func(g GoalResult) error { seen = append(seen, g); return nil },
	})
	require.NoError(t, err)
	require.Equal(t, rep.Goals, seen)
	require.Positive(t, seen[0].AgainstNs)
	require.InEpsilon(t, seen[0].AgainstNs/seen[0].NsPerOp, seen[0].Value, 1e-9)
	require.True(t, seen[0].Met)
}

// A typed receive makes the strings of its value, so the count is known not to be
// stuck at 0.
func TestAllocationsAreCounted(t *testing.T) {
	s := open(t, named(t, "typed/one-one"))
	sample, err := s.Run(t.Context(), 1000, false)
	require.NoError(t, err)
	require.GreaterOrEqual(t, sample.ReceiveAllocs, uint64(1000))
}

func open(t *testing.T, c Case) *Setup {
	t.Helper()
	s, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// A receiver that stands still for a while delays every record that is due meanwhile.
func TestOpenLoopShowsStallOfReceiver(t *testing.T) {
	const stall = 60 * time.Millisecond
	c := named(t, "open-loop/one-one")
	s := open(t, c)
	receiver := s.crew.members[1].cmd.Process
	stalled := make(chan error, 1)
	go func() {
		stalled <- func() error {
			for received(queueIn(s.dir)) < 500 && t.Context().Err() == nil {
				time.Sleep(time.Millisecond)
			}
			if err := receiver.Signal(syscall.SIGSTOP); err != nil {
				return err
			}
			time.Sleep(stall) // this is the stall
			return receiver.Signal(syscall.SIGCONT)
		}()
	}()
	sample, err := s.Run(t.Context(), int(c.Rate/2), false)
	require.NoError(t, err)
	require.NoError(t, <-stalled)
	require.Equal(t, int64(c.Rate/2), sample.hist.TotalCount())
	require.GreaterOrEqual(t, sample.hist.Max(), int64(stall*9/10))
	late := int64(0)
	for _, b := range sample.hist.Distribution() {
		if b.To >= int64(stall/4) {
			late += b.Count
		}
	}
	require.GreaterOrEqual(t, float64(late), c.Rate*stall.Seconds()/2, "records that were due during the stall")
}

// received asks the queue how many records its consumer has taken.
func received(queue string) uint64 {
	info, err := shmq.Stat(queue)
	if err != nil {
		return 0
	}
	for _, p := range info.Participants {
		if p.Role == shmq.Consumer {
			return p.Records
		}
	}
	return 0
}

func TestEndsAreOnTheirCores(t *testing.T) {
	if len(allowed) < 2 {
		t.Skip("one core")
	}
	for _, c := range []struct {
		name  string
		cores [2]int
		whole bool // all threads of the process
	}{
		{"throughput/one-one", [2]int{0, 1}, false},
		{"one-core/throughput/one-one", [2]int{0, 0}, false},
		{"parked/one-one", [2]int{0, 1}, true},
	} {
		s := open(t, named(t, c.name))
		for i, m := range s.crew.members {
			pinned, free := affinities(t, m.cmd.Process.Pid, allowed[c.cores[i]])
			require.Positive(t, pinned, "%s, end %d", c.name, i)
			if c.whole {
				require.Zero(t, free, "%s, end %d", c.name, i)
			} else {
				require.Equal(t, 1, pinned, "%s, end %d: only the one that measures", c.name, i)
			}
		}
	}
	var mine unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &mine))
	require.Equal(t, len(allowed), mine.Count(), "the parent has its own cores back")
}

// affinities counts the threads of a process that may run on that core only, and the
// others.
func affinities(t *testing.T, pid, core int) (pinned, free int) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	require.NoError(t, err)
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		require.NoError(t, err)
		var set unix.CPUSet
		require.NoError(t, unix.SchedGetaffinity(tid, &set))
		if set.Count() == 1 && set.IsSet(core) {
			pinned++
		} else {
			free++
		}
	}
	return pinned, free
}

func TestDeadEndIsAnError(t *testing.T) {
	s, err := Open(t.Context(), named(t, "throughput/one-one"))
	require.NoError(t, err)
	require.NoError(t, s.crew.members[1].cmd.Process.Kill())
	_, err = s.Run(t.Context(), 1<<20, false)
	require.ErrorContains(t, err, "end 1")
	require.ErrorContains(t, err, "killed")
	require.NoError(t, s.Close())
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why not")
	o := tiny(named(t, "throughput/one-one"))
	o.Time = time.Minute
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	_, err := Run(ctx, o)
	require.ErrorIs(t, err, why)
}

func TestCommandsThatAreMissingAreSkipped(t *testing.T) {
	dir := t.TempDir()
	for _, there := range []string{"seq", "cat"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, there), nil, 0o755))
	}
	t.Setenv("PATH", dir)
	rep, err := Run(t.Context(), tiny(named(t, "shell/shmq")))
	require.NoError(t, err)
	require.Empty(t, rep.Results)
	require.Len(t, rep.Skipped, 1)
	require.Contains(t, rep.Skipped[0].Reason, "shmq-send is neither beside this program nor in PATH")
}

func TestEndsDieWithTheirParent(t *testing.T) {
	dir := t.TempDir()
	p := testproc.Start(t, "parent", dir)
	testproc.Until(t, func() bool {
		queues, _ := filepath.Glob(filepath.Join(dir, "*", "q"))
		return len(queues) == 1 && received(queues[0]) > 1000
	})
	ends := children(p.PID())
	require.Len(t, ends, 2)
	p.Kill()
	for _, pid := range ends {
		testproc.Until(t, func() bool { return gone(pid) })
	}
}

// children returns the processes that any thread of pid has started.
func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, l := range lists {
		b, _ := os.ReadFile(l) // none if it has ended
		for f := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// gone reports whether a process has ended; a zombie has.
func gone(pid int) bool {
	s := testproc.State(pid)
	return s == "" || s == "Z" || s == "X"
}
