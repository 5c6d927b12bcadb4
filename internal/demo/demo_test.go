package demo

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

func TestDemoAccountsForEveryRecordAndLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"many to many", Options{}},
		{"one to one", Options{Queue: shmq.Options{Producers: shmq.One, Consumers: shmq.One}}},
		{"three to one on a small ring", Options{Producers: 3, Queue: shmq.Options{Consumers: shmq.One, Slots: 8, SlotSize: 64}}},
		{"one to three", Options{Consumers: 3, Queue: shmq.Options{Producers: shmq.One}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := ownDir(t)
			c.o.Duration = 300 * time.Millisecond
			var out strings.Builder
			require.NoError(t, Run(deadline(t), &out, c.o), out.String())
			t.Log("\n" + out.String())

			require.Contains(t, out.String(), "every record arrived once")
			require.Contains(t, out.String(), "0 missing, 0 twice, 0 out of order")
			for line := range strings.Lines(out.String()) {
				if !strings.Contains(line, dir) { // a long path is not the demo's doing
					require.LessOrEqual(t, utf8.RuneCountInString(line), 81, line)
				}
			}
			requireNothingLeft(t, dir, pidsIn(out.String()))
		})
	}
}

func TestDemoEndsAtOnceWhenItIsCancelled(t *testing.T) {
	dir := ownDir(t)
	why := errors.New("the person has seen enough")
	ctx, cancel := context.WithCancelCause(deadline(t))
	out := startDemo(ctx, t, Options{Duration: time.Minute})
	began := time.Now()
	cancel(why)
	err := out.wait(t)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, why)
	require.Less(t, time.Since(began), 5*time.Second)
	requireNothingLeft(t, dir, out.pids)
}

func TestDemoDoesNotStartWhenItIsCancelledBefore(t *testing.T) {
	dir := ownDir(t)
	ctx, cancel := context.WithCancel(deadline(t))
	cancel()
	require.ErrorIs(t, Run(ctx, io.Discard, Options{}), context.Canceled)
	requireNothingLeft(t, dir, nil)
}

func TestDemoReportsAKilledProcess(t *testing.T) {
	for i, role := range []string{"producer 1", "producer 2", "consumer 1"} {
		t.Run(role, func(t *testing.T) {
			dir := ownDir(t)
			out := startDemo(deadline(t), t, Options{Duration: time.Minute})
			victim := out.pids[i]
			require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
			require.EqualError(t, out.wait(t), role+" (pid "+strconv.Itoa(victim)+"): signal: killed")
			requireNothingLeft(t, dir, out.pids)
		})
	}
}

func TestDemoReportsAChildThatCannotAttach(t *testing.T) {
	dir := ownDir(t)
	err := Run(deadline(t), io.Discard, Options{Duration: time.Second, Queue: shmq.Options{Seats: 2}})
	require.ErrorContains(t, err, "no seat is left")
	requireNothingLeft(t, dir, nil)
}

func TestDemoEndsWhenItsOutputIsClosed(t *testing.T) {
	dir := ownDir(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, r.Close())
	require.ErrorIs(t, Run(deadline(t), w, Options{Duration: time.Minute}), syscall.EPIPE)
	requireNothingLeft(t, dir, nil)
}

func TestDemoProcessesDieWithAKilledParent(t *testing.T) {
	ownDir(t)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(deadline(t), exe, parentVerb)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = readIntro(bufio.NewReader(stdout))
	require.NoError(t, err)
	queues, err := shmq.List()
	require.NoError(t, err)
	require.Len(t, queues, 1)

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	// The kernel drops the locks of dead participants, even before their parent reaps them.
	require.Eventually(t, func() bool {
		info, err := shmq.Stat(queues[0].Name)
		require.NoError(t, err)
		for _, p := range info.Participants {
			if p.Alive {
				return false
			}
		}
		return true
	}, 20*time.Second, 5*time.Millisecond)
	require.NoError(t, shmq.Remove(queues[0].Name), "no participant is left")
}

func TestDemoRefusesOptions(t *testing.T) {
	ownDir(t)
	for name, o := range map[string]Options{
		"negative duration":         {Duration: -1},
		"negative producers":        {Producers: -1},
		"negative consumers":        {Consumers: -1},
		"two for a single producer": {Producers: 2, Queue: shmq.Options{Producers: shmq.One}},
		"two for a single consumer": {Consumers: 2, Queue: shmq.Options{Consumers: shmq.One}},
		"no such queue":             {Queue: shmq.Options{Slots: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, Run(deadline(t), io.Discard, o), shmq.ErrOption)
		})
	}
}

func TestChildRefusesArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"producer", "q"}, {"producer", "q", "x"}, {"watcher", "q", "0"}} {
		require.Error(t, Child(deadline(t), args))
	}
}

// ownDir gives the test, and the processes it starts, a directory for queues.
func ownDir(t *testing.T) string {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	t.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // not a second for each process
	return dir
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// running is a demo in the background, past its introduction.
type running struct {
	pids []int
	err  <-chan error
}

func startDemo(ctx context.Context, t *testing.T, o Options) *running {
	r, w := io.Pipe()
	result := make(chan error, 1)
	go func() {
		err := Run(ctx, w, o)
		w.CloseWithError(errors.Join(io.EOF, err))
		result <- err
	}()
	in := bufio.NewReader(r)
	pids, err := readIntro(in)
	require.NoError(t, err)
	go io.Copy(io.Discard, in)
	return &running{pids, result}
}

func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.err:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the demo goes on")
		return nil
	}
}

// readIntro reads the introduction, which is printed when all processes are attached,
// and returns their pids.
func readIntro(in *bufio.Reader) (pids []int, err error) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		pids = append(pids, pidsIn(line)...)
		if strings.HasPrefix(line, "elapsed") {
			return pids, nil
		}
	}
}

var pidLine = regexp.MustCompile(`(?m)^  (?:producers|consumers)  pid (.*)$`)

func pidsIn(s string) (pids []int) {
	for _, m := range pidLine.FindAllStringSubmatch(s, -1) {
		for f := range strings.SplitSeq(m[1], ", ") {
			pid, err := strconv.Atoi(f)
			if err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func requireNothingLeft(t *testing.T, dir string, pids []int) {
	t.Helper()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
	for _, pid := range pids {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d", pid)
	}
}
