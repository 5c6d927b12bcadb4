//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/internal/testpty"
)

// A command that is stopped gets the signal all the same, and all of its group does.
func TestSignalReachesStoppedCommands(t *testing.T) {
	t.Parallel()
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		q := queuePath(t)
		start(t, bytes.NewReader(numbers(1, 2)), nil, "shmq-send", q).ends(0)
		receiver, dir := runCommand(t, q, `read x; echo $$ > pid$x; mv pid$x is$x; sleep 600 | cat`, "--jobs", "2")
		until(t, "two commands", exists(dir, "is1", "is2"))
		for _, name := range []string{"is1", "is2"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(-pid, syscall.SIGSTOP))
			until(t, "a stopped command", func() bool { return testproc.State(pid) == "T" })
		}
		require.NoError(t, receiver.Process.Signal(sig))
		receiver.wait(128 + int(sig))
		require.Equal(t, "1\n2\n", string(rest(t, q)))
	})
}

// A command whose time is over gets SIGTERM also if it is stopped.
func TestTimeoutReachesStoppedCommands(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 1)), nil, "shmq-send", q).ends(0)
	receiver := start(t, nil, nil, "shmq-recv", q, "--retries", "0", "--exec-timeout", "100ms", "--exec", "kill -STOP 0; exit 0")
	require.Contains(t, receiver.ends(123), "timed out after 100ms: signal: terminated")
}

// One that ignores SIGTERM is killed.
func TestTimeoutKills(t *testing.T) {
	t.Parallel()
	q, deaf := queuePath(t), filepath.Join(t.TempDir(), "deaf")
	start(t, bytes.NewReader(numbers(1, 1)), nil, "shmq-send", q).ends(0)
	for d := 10 * time.Millisecond; ; d *= 4 { // the shell may need longer to set its trap
		receiver := start(t, nil, nil, "shmq-recv", q, "--retries", "0", "--exec-timeout", d.String(), "--exec", fmt.Sprintf("trap '' TERM; : >%s; while :; do sleep 0.01; done", deaf))
		said := receiver.ends(123)
		if _, err := os.Stat(deaf); err == nil {
			require.Contains(t, said, "timed out after "+d.String()+": signal: killed")
			return
		}
	}
}

// Commands of a receiver on a terminal can't be stopped for using it: one that wants to
// ask there is told that there is no terminal, one that writes there does.
func TestCommandsHaveNoTerminal(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 1)), nil, "shmq-send", q).ends(0)
	run := onTerminal(t, "shmq-recv", q, "--count", "1", "--exec", `(read x </dev/tty) 2>/dev/null || echo nothing to read; echo written`)
	run.shows("nothing to read")
	run.shows("written")
	require.Equal(t, 0, run.reported())
}

// The terminal stops background jobs that write to it, if asked to (stty tostop).
func TestTerminalThatStopsWriters(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 1)), nil, "shmq-send", q).ends(0)
	run := onTerminal(t, "sh", "-c", fmt.Sprintf(`stty tostop; exec shmq-recv %s --count 1 --exec 'echo written'`, q))
	run.shows("written")
	require.Equal(t, 0, run.reported())
}

// onTerminal runs a command in the foreground of a terminal.
func onTerminal(t *testing.T, args ...string) *topRun {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "shmq-recv")))
	tty := testpty.Open(t, 80, 24)
	r, w := pipe(t)
	run := &topRun{Terminal: tty, t: t, stderr: &bytes.Buffer{}, report: bufio.NewReader(r)}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"keeper"}, args...)
	cmd.Env = append(os.Environ(), "GORACE="+raceOptions, "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty.TTY, tty.TTY, tty.TTY
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if run.pid > 0 {
			_ = syscall.Kill(run.pid, syscall.SIGKILL)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.NoError(t, w.Close())
	run.pid = run.reported()
	return run
}
