//go:build linux

package sys_test

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
)

// idle waits for its end.
func idle(c *testproc.Child) {
	c.Say("ready")
	for range c.Lines {
	}
}

// A headless process goes on when its main thread has ended: that is locked to the main
// goroutine then, which plays the role.
func init() {
	if os.Getenv("SHMQ_TEST_ROLE") == "headless" {
		runtime.LockOSThread()
	}
}

func headless(c *testproc.Child) {
	if unix.Gettid() != os.Getpid() {
		c.Fail("this is not the main thread")
	}
	c.Say("ready")
	_, _, _ = syscall.Syscall(unix.SYS_EXIT, 0, 0, 0) // this thread only
}

func start(t *testing.T, role string) (p *testproc.Proc, halted func() sys.Halt) {
	p = testproc.Start(t, role)
	p.Expect("ready")
	at, err := strconv.ParseUint(testproc.Stat(p.PID())[19], 10, 64)
	require.NoError(t, err)
	return p, func() sys.Halt { return sys.NewProcesses().Halted(uint32(p.PID()), at) }
}

func TestStoppedProcesses(t *testing.T) {
	t.Parallel()
	p, halted := start(t, "idle")
	require.Zero(t, halted())
	p.Stop()
	require.Equal(t, sys.Halt{Stopped: true}, halted())
	require.Zero(t, sys.NewProcesses().Halted(uint32(p.PID()), 1), "another process of that pid")
	p.Continue()
	require.Zero(t, halted())
	p.Kill()
	require.Zero(t, halted())
}

func TestAStoppedProcessWhoseMainThreadHasEnded(t *testing.T) {
	t.Parallel()
	p, halted := start(t, "headless")
	testproc.Until(t, func() bool { return p.State() == "Z" })
	require.Zero(t, halted())
	require.NoError(t, unix.Kill(p.PID(), unix.SIGSTOP))
	testproc.Until(t, func() bool { return halted().Stopped }) // its own state tells nothing
	require.NoError(t, unix.Kill(p.PID(), unix.SIGCONT))
	testproc.Until(t, func() bool { return !halted().Stopped })
}

func TestFrozenProcesses(t *testing.T) {
	t.Parallel()
	for name, v2 := range map[string]bool{"version 1": false, "version 2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, halted := start(t, "idle")
			f := testproc.NewFreezer(t, v2)
			f.Add(p.PID())
			require.Zero(t, halted())
			f.Freeze(f.InnerFile())
			require.Equal(t, sys.Halt{Frozen: true, Freezer: f.InnerFile()}, halted())
			require.NoError(t, unix.Kill(p.PID(), unix.SIGCONT))
			require.True(t, halted().Frozen, "no signal thaws it")
			require.NoError(t, f.Thaw(f.InnerFile()))
			testproc.Until(t, func() bool { return halted() == sys.Halt{} })

			f.Freeze(f.File())
			require.Equal(t, sys.Halt{Frozen: true, Freezer: f.File()}, halted(), "by the one above")
			f.Freeze(f.InnerFile())
			require.Equal(t, sys.Halt{Frozen: true, Freezer: f.File()}, halted(), "both: the one above comes first")
			require.NoError(t, f.Thaw(f.File()))
			require.NoError(t, f.Thaw(f.InnerFile()))

			p.Stop()
			f.Freeze(f.File())
			h := halted()
			require.True(t, h.Frozen)
			require.Equal(t, v2, h.Stopped, "version 1 shows it as D, whatever it was before")
		})
	}
}

// One look asks once about each process; the next one asks again. What a seat says of a
// process that there is not is not remembered.
func TestOneLookAsksOnce(t *testing.T) {
	t.Parallel()
	p, halted := start(t, "idle")
	at, err := strconv.ParseUint(testproc.Stat(p.PID())[19], 10, 64)
	require.NoError(t, err)
	look := sys.NewProcesses()
	require.Zero(t, look.Halted(uint32(p.PID()), at))
	p.Stop()
	require.Zero(t, look.Halted(uint32(p.PID()), at))
	require.Zero(t, look.Halted(uint32(p.PID()), at+1))
	require.Equal(t, 1, sys.Known(look))
	require.Equal(t, sys.Halt{Stopped: true}, halted())
}
