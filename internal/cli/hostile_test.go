//go:build linux

package cli_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// onlookers end by themselves, whatever stands in the queue.
var onlookers = [][]string{
	{"stat", "q"}, {"stat", "q", "--json"}, {"stat", "q", "--interval", "20ms"}, {"stat", "--prometheus"}, {"ls"}, {"ls", "--json"},
	{"top", "--once", "--interval", "50ms"}, {"top", "q", "--once", "--interval", "50ms"}, {"peek", "q"}, {"peek", "q", "--json"},
	{"peek", "q", "--format", "raw"}, {"tail", "q", "--count", "1"}, {"dump", "q"}, {"dump", "q", "--leased"},
	{"recover", "q", "--dry-run"}, {"recover", "q"}, {"gc", "--dry-run"}, {"gc"}, {"gc", "--older-than", "0"}, {"rm", "q"},
	{"drain", "q"}, {"dump", "q", "--take"},
}

// workers go on for as long as a producer seems to send, or to make room.
var workers = [][]string{
	{"shmq-send", "q", "--timeout", "300ms"}, {"shmq-send", "q", "--batch", "1", "--timeout", "300ms"},
	{"shmq-send", "q", "--format", "raw", "--timeout", "300ms"},
	{"shmq-recv", "q", "--timeout", "300ms"}, {"shmq-recv", "q", "--until-eof"}, {"shmq-recv", "q", "--nonblock", "--show-redelivered"},
	{"shmq-recv", "q", "--format", "raw", "--wait", "park"}, {"shmq", "tail", "q"}, {"shmq", "tail", "q", "--json"},
	{"shmq", "drain", "q", "--until-eof"}, {"shmq", "top", "q", "--once", "--interval", "200ms"},
}

// hostileCodes are how a command may end on a queue that is scribbled over: well,
// for want of data, of msgpack, of the queue, of a role, of room, or of time.
var hostileCodes = []int{exitOK, 65, 66, 69, 75, 124, 128 + int(syscall.SIGTERM)}

const exitOK = 0

// TestCommandsAmongScribblers lets all commands work on queues that this process
// scribbles over through a mapping of its own, before and while they run.
func TestCommandsAmongScribblers(t *testing.T) {
	rounds := 8
	if testproc.Long() {
		rounds = 600
	}
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	dice := scribble.Dice(uint64(time.Now().UnixNano()))
	ends := map[int]int{}
	for n := range rounds {
		g := layout.Geometry{
			ManyProducers: n&1 != 0, ManyConsumers: n&2 != 0, Seats: 8,
			Slots: 2 << dice.Below(8), AreaSize: 64 << dice.Below(7),
		}
		quiet := scribbledFile(t, filepath.Join(dir, "shmq.q"), g, dice, n%4 == 3)
		var ps []*process
		for range 2 {
			ps = append(ps, hostileStart(t, workers[dice.Below(uint64(len(workers)))]...))
		}
		for range 3 {
			args := onlookers[dice.Below(uint64(len(onlookers)))]
			ps = append(ps, hostileStart(t, append([]string{"shmq"}, args...)...))
		}
		for _, p := range ps {
			ends[endsAnyhow(p)]++
		}
		quiet()
	}
	t.Logf("commands by exit code: %v", ends)
}

// scribbledFile makes a queue file and scribbles over it until the returned function is
// called. still: only before.
func scribbledFile(t *testing.T, path string, g layout.Geometry, dice scribble.Choice, still bool) (quiet func()) {
	image := scribble.Image(g, dice.Below(100))
	whole := bytes.Clone(image)
	for range dice.Below(20) {
		scribble.New(image, g, dice).Write()
	}
	if pen := scribble.New(image, g, dice); !still {
		copy(image, whole[:layout.HeaderSize])
	} else if dice.Below(2) == 0 {
		copy(image, whole[:layout.HeaderSize])
		pen.Field()
		pen.Seal()
	}
	require.NoError(t, os.RemoveAll(path))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Write(image)
	require.NoError(t, err)
	mem, err := syscall.Mmap(int(f.Fd()), 0, len(image), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	require.NoError(t, err)
	var stop atomic.Bool
	var wg sync.WaitGroup
	seed := dice.Below(0)
	wg.Go(func() {
		dice := scribble.Dice(seed)
		pen := scribble.New(mem, g, dice)
		for !still && !stop.Load() {
			pen.Write()
			if dice.Below(4) == 0 {
				copy(mem, whole[:layout.HeaderSize]) // or no process could attach any more
			}
			if dice.Below(64) == 0 {
				copy(mem[layout.HotOffset:], whole[layout.HotOffset:])
			}
			time.Sleep(time.Duration(dice.Below(50)) * time.Microsecond)
		}
	})
	return func() {
		stop.Store(true)
		wg.Wait()
		require.NoError(t, syscall.Munmap(mem))
		require.NoError(t, os.RemoveAll(path))
	}
}

// lines is an input that does not end.
type lines struct{}

func (lines) Read(b []byte) (int, error) { return copy(b, "a record on a line of its own\n"), nil }

func hostileStart(t *testing.T, args ...string) *process {
	t.Helper()
	var stdin io.Reader
	if args[0] == "shmq-send" {
		stdin = io.LimitReader(lines{}, 1<<20)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { null.Close() })
	return start(t, stdin, null, args[0], args[1:]...)
}

// endsAnyhow waits for the end of a command, which it asks for after a while: within
// bounds, of memory too, and with a code that says what is wrong.
func endsAnyhow(p *process) int {
	p.t.Helper()
	const megabytes = 200
	asked := time.AfterFunc(500*time.Millisecond, func() { _ = p.Process.Signal(syscall.SIGTERM) })
	defer asked.Stop()
	select {
	case err := <-p.done:
		p.done <- err // for the cleanup
	case <-time.After(patience):
		_ = p.Process.Signal(syscall.SIGQUIT)
		p.t.Fatalf("%v does not end: %v", p.Args, <-p.done)
	}
	code, said := p.ProcessState.ExitCode(), p.stderr.String()
	if s := p.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() && s.Signal() == syscall.SIGTERM {
		code = 128 + int(syscall.SIGTERM) // it was asked before it could hear
	}
	require.Contains(p.t, hostileCodes, code, "%v: %s", p.Args, said)
	require.NotContains(p.t, said, "goroutine ", "%v", p.Args)
	require.NotContains(p.t, said, "panic", "%v", p.Args)
	if code == 65 && strings.Contains(said, "damaged") && !slices.Contains(p.Args, "--dead-letter") {
		require.Contains(p.t, said, "remove it by force", "%v", p.Args)
	}
	// The kernel counts what this process had when it started the command; see
	// findings/maxrss-begins-with-the-parents.sh.
	var own syscall.Rusage
	require.NoError(p.t, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	used := p.ProcessState.SysUsage().(*syscall.Rusage).Maxrss / 1024
	require.Less(p.t, used, megabytes+own.Maxrss/1024, "MiB used by %v", p.Args)
	return code
}
