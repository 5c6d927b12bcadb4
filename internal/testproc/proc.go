//go:build linux

package testproc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Patience is how long a test waits for what has to happen. It decides nothing but
// how late a failure is reported.
const Patience = 20 * time.Second

// Until waits until something holds that has to come true by itself.
func Until(t testing.TB, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !holds(); time.Sleep(200 * time.Microsecond) {
		require.True(t, time.Now().Before(end), "it did not come true within %v", Patience)
	}
}

// Proc is a child process, seen from its parent. It is killed when the test ends.
type Proc struct {
	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	ended bool
}

// Start runs the test binary as a child that plays role.
func Start(t testing.TB, role string, args ...string) *Proc { return StartAs(t, nil, role, args...) }

// StartAs is Start with attributes of the process, such as another user.
func StartAs(t testing.TB, attr *syscall.SysProcAttr, role string, args ...string) *Proc {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	return StartExe(t, exe, attr, role, args...)
}

// ForAnyone returns a copy of the test binary that every user can run: the original
// may lie in a directory that only its builder can enter.
func ForAnyone(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	b, err := os.ReadFile(exe)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "shmq-exe-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.WriteFile(dir+"/test", b, 0o755))
	return dir + "/test"
}

// StartWith is StartAs with files that the child gets as its descriptors from 3 on.
func StartWith(t testing.TB, files []*os.File, attr *syscall.SysProcAttr, role string, args ...string) *Proc {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	return start(t, []string{exe}, files, attr, role, args)
}

// StartCommand is StartWith with another program, which says and is told the same lines.
func StartCommand(t testing.TB, command []string, files []*os.File, attr *syscall.SysProcAttr, role string, args ...string) *Proc {
	t.Helper()
	return start(t, command, files, attr, role, args)
}

// StartExe is StartAs with another copy of the test binary.
func StartExe(t testing.TB, exe string, attr *syscall.SysProcAttr, role string, args ...string) *Proc {
	t.Helper()
	return start(t, []string{exe}, nil, attr, role, args)
}

func start(t testing.TB, command []string, files []*os.File, attr *syscall.SysProcAttr, role string, args []string) *Proc {
	t.Helper()
	list, err := json.Marshal(args)
	require.NoError(t, err)
	var cmd *exec.Cmd
	var in io.WriteCloser
	var out io.Reader
	// A child that is being started just now may still have a copy of the binary
	// open for writing. A Cmd can be started once, so each try has its own.
	Until(t, func() bool {
		cmd = exec.Command(command[0], command[1:]...)
		cmd.Dir = os.TempDir()
		cmd.Env = append(os.Environ(), roleEnv+"="+role, argsEnv+"="+string(list))
		cmd.SysProcAttr = attr
		cmd.ExtraFiles = files
		cmd.Stderr = os.Stderr
		in, err = cmd.StdinPipe()
		require.NoError(t, err)
		out, err = cmd.StdoutPipe()
		require.NoError(t, err)
		err = cmd.Start()
		return !errors.Is(err, syscall.ETXTBSY)
	})
	require.NoError(t, err)
	p := &Proc{t: t, cmd: cmd, in: in, lines: make(chan string, 1024)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(p.Kill)
	return p
}

// PID returns the process id.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Say sends the child a line.
func (p *Proc) Say(format string, args ...any) {
	p.t.Helper()
	_, err := fmt.Fprintf(p.in, format+"\n", args...)
	require.NoError(p.t, err)
}

// Line returns the next line of the child.
func (p *Proc) Line() string {
	p.t.Helper()
	line, ok := p.LineWithin(Patience)
	require.True(p.t, ok, "child %d said nothing for %v", p.PID(), Patience)
	return line
}

// LineWithin is Line with a time limit of the caller's.
func (p *Proc) LineWithin(d time.Duration) (string, bool) {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		require.True(p.t, ok, "child %d ended", p.PID())
		require.False(p.t, strings.HasPrefix(line, "FAIL"), "child %d: %s", p.PID(), line)
		return line, true
	case <-time.After(d):
		return "", false
	}
}

// Expect takes the next line, which has to start with want, and returns the rest.
func (p *Proc) Expect(want string) string {
	p.t.Helper()
	line := p.Line()
	rest, ok := strings.CutPrefix(line, want)
	require.True(p.t, ok, "child %d said %q, want %q", p.PID(), line, want)
	return strings.TrimSpace(rest)
}

// Silent reports whether the child has said nothing yet that was not taken.
func (p *Proc) Silent() bool { return len(p.lines) == 0 }

// Rest returns all that a child says which ends by itself, and waits for that end.
func (p *Proc) Rest() (lines []string) {
	p.t.Helper()
	p.ended = true
	late := time.AfterFunc(Patience, func() { _ = p.cmd.Process.Kill() })
	for line := range p.lines {
		lines = append(lines, line)
	}
	_ = p.cmd.Wait()
	require.True(p.t, late.Stop(), "child %d did not end within %v", p.PID(), Patience)
	_ = p.in.Close()
	return lines
}

// Kill kills the child and waits until it is gone.
func (p *Proc) Kill() {
	if p.ended {
		return
	}
	p.ended = true
	_ = p.cmd.Process.Kill()
	_ = p.in.Close()
	for range p.lines { // Wait would close the pipe under its reader
	}
	_ = p.cmd.Wait()
}

// WasKilled reports whether SIGKILL is what ended the child, which is gone.
func (p *Proc) WasKilled() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Terminate kills the child and does not wait for it.
func (p *Proc) Terminate() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGKILL))
}

// Stop stops the child, and waits until it stands still.
func (p *Proc) Stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGSTOP))
	Until(p.t, func() bool { return p.State() == "T" })
}

// Continue lets a stopped child go on.
func (p *Proc) Continue() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGCONT))
}

// Exit lets the child end by itself, and wants it to succeed.
func (p *Proc) Exit() {
	p.t.Helper()
	p.ended = true
	_ = p.in.Close()
	for line := range p.lines {
		require.False(p.t, strings.HasPrefix(line, "FAIL"), "child %d: %s", p.PID(), line)
	}
	require.NoError(p.t, p.cmd.Wait())
}

// CPU is the time of processors that the child has used, all its threads together, to the nanosecond.
func (p *Proc) CPU() time.Duration {
	p.t.Helper()
	var used unix.Timespec
	// The clock of another process: its id inverted, and CPUCLOCK_SCHED; see clock_getcpuclockid(3).
	require.NoError(p.t, unix.ClockGettime(int32(^p.PID()<<3|2), &used))
	return time.Duration(used.Nano())
}

// State is State of this process.
func (p *Proc) State() string { return State(p.PID()) }
