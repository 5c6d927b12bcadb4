//go:build linux

package sysv_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
)

// A maker, or a remover, is killed before and after each of its system calls if
// SHMQ_LONG=1, otherwise at every fourth of these points or so. Whatever
// it leaves, the next one makes or removes the queue; of a segment of its own nothing
// stays, and one that was borrowed is zero again.
func TestSegmentKilledAtEverySystemCall(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"make", "remove"} {
		for _, borrowed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, borrowed %v", what, borrowed), func(t *testing.T) {
				t.Parallel()
				runtime.LockOSThread() // the thread that seizes another traces it
				defer runtime.UnlockOSThread()
				step := func() int {
					if testproc.Long() {
						return 1
					}
					return 1 + rand.IntN(7)
				}
				kills, states := 0, map[string]int{}
				for n := step(); ; n += step() {
					state, killed := killedAfter(t, what, borrowed, n)
					states[state]++
					if !killed {
						break
					}
					kills++
				}
				require.NotZero(t, kills)
				t.Logf("%d kills, left: %v", kills, states)
			})
		}
	}
}

// killedAfter kills a process at its n-th stop before or after a system call, tells what
// it left, and checks that others can go on from there.
func killedAfter(t *testing.T, what string, borrowed bool, n int) (state string, killed bool) {
	t.Helper()
	key := testagent.FreeKey(t)
	name := testagent.KeyName(key)
	o := &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}
	id := -1
	if borrowed {
		id = testagent.ForeignSegment(t, key, 1<<20, 0o600)
	}
	if what == "remove" {
		require.NoError(t, shmq.Create(name, o))
		p := testagent.OpenProducer(t, name)
		require.NoError(t, p.TrySend([]byte("to be wiped")))
		require.NoError(t, p.Close())
	}
	killed = killAtStop(t, testproc.Start(t, "killed-segment", what, name), n)

	_, err := shmq.Stat(name)
	switch {
	case err == nil:
		state = "a queue"
	case testproc.Says(err, "unfinished"):
		state = "something unfinished"
	case errors.Is(err, shmq.ErrRemoved):
		state = "a side file"
	default:
		require.ErrorIs(t, err, fs.ErrNotExist, "stop %d", n)
		state = "nothing"
	}
	if !killed {
		require.Equal(t, map[string]string{"make": "a queue", "remove": "nothing"}[what], state)
	}
	if state == "something unfinished" && n%2 == 0 || state == "nothing" {
		// A participant that attaches, and so makes it, needs no help.
		a, err := attach.To(name, shmq.Producer, &attach.Options{Create: *o})
		require.NoError(t, err, "stop %d", n)
		require.NoError(t, a.Detach())
		info, err := shmq.Stat(name)
		require.NoError(t, err)
		require.Zero(t, info.Records)
	}
	require.NoError(t, shmq.Remove(name), "stop %d left %s", n, state)
	_, err = os.Stat(testagent.Path(t, name))
	require.ErrorIs(t, err, fs.ErrNotExist)
	if borrowed {
		requireZero(t, id)
		require.NoError(t, sys.RemoveSegment(id))
	}
	_, err = sys.FindSegment(key)
	require.ErrorIs(t, err, fs.ErrNotExist, "stop %d left %s", n, state)
	return state, killed
}

func dieWithSegment(c *testproc.Child) {
	do := map[string]func(string) error{
		"make":   func(q string) error { return shmq.Create(q, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}) },
		"remove": func(name string) error { return shmq.Remove(name) },
	}[c.Args[0]]
	var work func()
	work = func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() { // the tracer and the parent of the process would both wait for it
			go work()
			select {}
		}
		c.Say("%d", unix.Gettid())
		<-c.Lines
		err := do(c.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, "killed-segment:", err)
		}
		os.Exit(0)
	}
	go work()
	select {}
}

// killAtStop lets the thread that the child names go on and kills the process at the
// thread's n-th stop. It reports false if the process ended before.
//
// Preconditions: the goroutine is locked to its thread.
func killAtStop(t *testing.T, p *testproc.Proc, n int) bool {
	t.Helper()
	tid, err := strconv.Atoi(p.Line())
	require.NoError(t, err)
	if err := unix.PtraceSeize(tid); err != nil {
		t.Skip("ptrace is refused here: ", err)
	}
	await := func() (st unix.WaitStatus) {
		for {
			_, err := unix.Wait4(tid, &st, unix.WALL, nil)
			if err != unix.EINTR {
				require.NoError(t, err)
				return st
			}
		}
	}
	defer func() { // before others wait for the process
		p.Terminate()
		for {
			var st unix.WaitStatus
			_, err := unix.Wait4(tid, &st, unix.WALL, nil)
			if err != unix.EINTR && (err != nil || !st.Stopped()) {
				break
			}
		}
		p.Kill()
	}()
	require.NoError(t, unix.PtraceInterrupt(tid))
	require.True(t, await().Stopped())
	require.NoError(t, unix.PtraceSetOptions(tid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL))
	p.Say("go")
	for at, signal := 0, 0; at < n; {
		require.NoError(t, unix.PtraceSyscall(tid, signal))
		st := await()
		if !st.Stopped() {
			return false
		}
		signal = 0
		if st.StopSignal() == unix.SIGTRAP|0x80 {
			at++
		} else if st.StopSignal() != unix.SIGTRAP {
			signal = int(st.StopSignal()) // the Go runtime's, for its own purposes
		}
	}
	return true
}

// Between two system calls the maker writes the header, and the remover wipes memory.
// Here is what processes leave that are killed in the middle of that.
func TestSegmentKilledBetweenSystemCalls(t *testing.T) {
	t.Setenv("SHMQ_DIR", t.TempDir()) // a list attaches to each queue for an instant, and others count who is attached
	key := testagent.FreeKey(t)
	name := testagent.KeyName(key)
	id := testagent.ForeignSegment(t, key, 1<<20, 0o600)
	o := &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8}
	const total = 8192 + 3*4096
	for what, c := range map[string]struct {
		state uint32
		left  func(b []byte)
	}{
		"no header yet":         {layout.SideMaking, func(b []byte) { clear(b) }},
		"half a header":         {layout.SideMaking, func(b []byte) { clear(b[50:]) }},
		"other half":            {layout.SideMaking, func(b []byte) { clear(b[:50]); clear(b[128:]) }},
		"a header":              {layout.SideMaking, func(b []byte) { clear(b[128:]) }},
		"nothing wiped":         {layout.SideRemoving, func([]byte) {}},
		"wiped from the start":  {layout.SideRemoving, func(b []byte) { clear(b[128:9000]) }},
		"wiped from the end":    {layout.SideRemoving, func(b []byte) { clear(b[9000:]) }},
		"all but the header":    {layout.SideRemoving, func(b []byte) { clear(b[128:]) }},
		"and half of that":      {layout.SideRemoving, func(b []byte) { clear(b[128:]); clear(b[:50]) }},
		"and the other half":    {layout.SideRemoving, func(b []byte) { clear(b[128:]); clear(b[50:]) }},
		"all of it, still here": {layout.SideRemoving, func(b []byte) { clear(b) }},
	} {
		for _, next := range []string{"remove", "make"} {
			require.NoError(t, shmq.Create(name, o))
			p := testagent.OpenProducer(t, name)
			require.NoError(t, p.TrySend([]byte("a record")))
			require.NoError(t, p.Close())
			inSegment(t, id, func(b []byte) { c.left(b[:total]) })
			file, err := os.ReadFile(testagent.Path(t, name))
			require.NoError(t, err)
			side, err := layout.DecodeSide(file)
			require.NoError(t, err)
			side.State = c.state
			require.NoError(t, os.WriteFile(testagent.Path(t, name), side.Encode(), 0o600))

			entry := func() bool {
				entries, err := shmq.List()
				require.NoError(t, err)
				for _, e := range entries {
					if e.Name == name {
						require.ErrorContains(t, e.Err, "unfinished")
						return true
					}
				}
				return false
			}
			require.True(t, entry(), "it is listed")
			_, err = attach.To(name, shmq.Producer, &attach.Options{NoCreate: true})
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.ErrorContains(t, err, "shmq rm "+name)
			if next == "make" {
				require.NoError(t, shmq.Create(name, o), what)
				info, err := shmq.Stat(name)
				require.NoError(t, err)
				require.Zero(t, info.Tail)
			}
			require.NoError(t, shmq.Remove(name), what)
			requireZero(t, id)
			require.False(t, entry())
		}
	}
	require.NoError(t, sys.RemoveSegment(id))
}

// A dead maker's segment is known by its process. Any other one stays.
func TestSegmentOfADeadMaker(t *testing.T) {
	t.Parallel()
	for _, mine := range []bool{true, false} {
		key := testagent.FreeKey(t)
		side := layout.Side{State: layout.SideMaking, ID: -1, Key: key, Fresh: true, PID: uint32(os.Getpid())}
		if !mine {
			side.PID++
		}
		require.NoError(t, os.WriteFile(testagent.Path(t, testagent.KeyName(key)), side.Encode(), 0o600))
		id := testagent.ForeignSegment(t, key, 100_000, 0o600)
		require.NoError(t, shmq.Remove(testagent.KeyName(key)))
		_, err := sys.StatSegment(id)
		if mine {
			require.ErrorIs(t, err, fs.ErrNotExist)
		} else {
			require.NoError(t, err)
			require.NoError(t, sys.RemoveSegment(id))
		}
	}
}

// Any user can write a side file that claims a segment; only its creator's counts.
func TestSegmentClaimedByAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	key := testagent.FreeKey(t)
	id := testagent.ForeignSegment(t, key, 100_000, 0o644)
	for _, side := range []layout.Side{
		{State: layout.SideMaking, ID: int32(id), Key: key, Own: true},
		{State: layout.SideMaking, ID: -1, Key: key, Fresh: true, PID: uint32(os.Getpid())},
		{State: layout.SideReady, ID: int32(id), Key: key, Own: true},
	} {
		path := testagent.Path(t, testagent.KeyName(key))
		require.NoError(t, os.WriteFile(path, side.Encode(), 0o644))
		require.NoError(t, os.Chown(path, 12345, 12345))
		_ = shmq.ForceRemove(testagent.KeyName(key)) // of the last one it refuses even that
		_, err := sys.StatSegment(id)
		require.NoError(t, err)
		_ = os.Remove(path)
	}
	require.NoError(t, sys.RemoveSegment(id))
}
