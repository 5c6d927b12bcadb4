//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/internal/testpty"
)

// queueDir makes a directory with queues of these names.
func queueDir(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		require.NoError(t, shmq.Create(filepath.Join(dir, "shmq."+name), &shmq.Options{Slots: 8, SlotSize: 64, Seats: 32}))
	}
	return dir
}

// keeper COMMAND ARGS... is what a shell is to a command: it has the terminal's session,
// runs the command in the foreground, tells its pid and its exit code, and stays, since
// the terminal goes with it.
func keeper() {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	report := os.NewFile(3, "report")
	cmd := exec.Command(self)
	if os.Args[1] == "sh" {
		cmd = exec.Command("/bin/sh")
	}
	cmd.Args = os.Args[1:]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // Pdeathsig goes by the thread
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(report, cmd.Process.Pid)
	_ = cmd.Wait()
	fmt.Fprintln(report, cmd.ProcessState.ExitCode())
	select {}
}

// topRun is shmq top at work on a terminal.
type topRun struct {
	*testpty.Terminal
	t      *testing.T
	pid    int
	stderr *bytes.Buffer
	report *bufio.Reader
}

// topOn runs shmq top on a terminal of 80x24, and waits until it shows.
func topOn(t *testing.T, dir string, env []string, args ...string) *topRun {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	tty := testpty.Open(t, 80, 24)
	r, w := pipe(t)
	run := &topRun{Terminal: tty, t: t, stderr: &bytes.Buffer{}, report: bufio.NewReader(r)}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"keeper", "shmq", "top"}, args...)
	if !slices.Contains(args, "--replay") { // a recording has its own
		cmd.Args = append(cmd.Args, "--interval", "50ms")
	}
	cmd.Env = append(append(os.Environ(), "GORACE="+raceOptions, "SHMQ_DIR="+dir, "TERM=xterm", "LC_ALL=C.UTF-8", "NO_COLOR="), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty.TTY, tty.TTY, run.stderr
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(run.pid, syscall.SIGKILL)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.NoError(t, w.Close())
	run.pid = run.reported()
	run.shows("q quit\n")
	return run
}

// reported is the next number that the keeper tells.
func (r *topRun) reported() int {
	r.t.Helper()
	line, err := r.report.ReadString('\n')
	require.NoError(r.t, err)
	n, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(r.t, err)
	return n
}

// shows waits for a text on the screen.
func (r *topRun) shows(text string) string {
	r.t.Helper()
	return r.Until(text, func(s string) bool { return strings.Contains(s, text) })
}

// hides waits for a text to go.
func (r *topRun) hides(text string) string {
	r.t.Helper()
	return r.Until("no "+text, func(s string) bool { return !strings.Contains(s, text) })
}

// givenBack waits until the terminal is as it was before.
func (r *topRun) givenBack() {
	r.t.Helper()
	r.Until("the terminal is given back", func(string) bool {
		m := r.Modes()
		return !m.Alternate && !m.HiddenCursor && !m.NoWrap && !r.KeyMode()
	})
	require.Empty(r.t, r.Modes().Unknown)
	require.NotContains(r.t, r.Screen(), "shmq top")
}

func (r *topRun) ends(code int) {
	r.t.Helper()
	require.Equal(r.t, code, r.reported())
	r.givenBack()
}

// rowOf returns the row of a screen that contains a text, "" if none does.
func rowOf(screen, text string) string {
	for row := range strings.Lines(screen) {
		if strings.Contains(row, text) {
			return strings.TrimRight(row, "\n")
		}
	}
	return ""
}

func TestTopListAndOneQueue(t *testing.T) {
	t.Parallel()
	dir := queueDir(t, "alpha", "beta", "gamma")
	beta := filepath.Join(dir, "shmq.beta")
	sendBytes(t, beta, "a", "b", "c", "d", "e", "f", "g", "h")
	taker := holding(t, beta, shmq.Consumer, 2)
	taker.stop(beta)
	r := topOn(t, dir, nil)
	require.True(t, r.KeyMode())
	require.True(t, r.Modes().Alternate && r.Modes().HiddenCursor)
	s := r.shows("beta")
	rows := strings.Split(s, "\n")
	require.Regexp(t, `^shmq top - 3 queues in .* every 50ms  \d\d:\d\d:\d\d$`, rows[0])
	require.Equal(t, "  *NAME           RECORDS  USE HISTORY   SENT/s RECV/s SND RCV STATE", rows[1])
	require.Regexp(t, `^> alpha `, rows[2])
	require.Regexp(t, `^  beta +8  75% `, rows[3])
	require.Regexp(t, ` 0   1 full, 1 stopped$`, rows[3])
	require.Regexp(t, `^  gamma +0   0% .* 0   0$`, rows[4])

	r.Type("d") // the deepest first; the chosen one stays chosen
	s = r.Until("the order", func(s string) bool { return strings.HasPrefix(strings.Split(s, "\n")[2], "  beta") })
	require.Equal(t, "> alpha", rowOf(s, "alpha")[:7])
	r.Type("d")
	r.Until("the order turned", func(s string) bool { return strings.HasPrefix(strings.Split(s, "\n")[4], "  beta") })
	r.Type("n")
	r.Until("by name", func(s string) bool { return strings.HasPrefix(strings.Split(s, "\n")[3], "  beta") })

	r.Type("\x1b[B")  // an arrow
	r.shows("> beta") // what is held is told once the queue was walked through
	r.shows(fmt.Sprintf("\nbeta: consumer %d (holder) is stopped and has held 2 records for ", taker.Process.Pid))
	r.Type("\r")
	r.shows("queue beta: 8 slots of 64 bytes, many to many")
	s = r.Until("what is held", func(s string) bool {
		return strings.Contains(s, "records   6 waiting, 0 to be delivered again, 2 being read, 0 being written\n") && strings.Contains(s, "Esc back")
	})
	require.Regexp(t, fmt.Sprintf(`(?m)^   0 consumer +%d holder     stop   2 records, 2 slots +\d+s +(0|-) +(0|-)$`, taker.Process.Pid), s)
	require.Contains(t, strings.Join(strings.Fields(s), " "), "the ring is full behind it, at position 0")
	taker.kill()
	s = r.shows("dead   2 records")
	require.Contains(t, s, "`shmq recover beta` takes them back")

	r.Type("\x1b") // alone it is the key itself
	r.shows("> beta")
	r.Type("?")
	r.shows("shmq top - help")
	r.Type(" ")
	r.hides("help\n")
	require.NoError(t, shmq.ForceRemove(beta))
	r.hides("beta")
	r.shows("> gamma")
	require.NoError(t, shmq.Create(filepath.Join(dir, "shmq.delta"), nil))
	r.shows("  delta")
	r.Type("q")
	r.ends(0)
}

func TestTopAfterAResize(t *testing.T) {
	t.Parallel()
	names := []string{"long-name-of-a-queue-that-needs-room"}
	for i := range 30 {
		names = append(names, fmt.Sprintf("q%02d", i))
	}
	r := topOn(t, queueDir(t, names...), nil)
	s := r.shows("long-name-of-+")
	require.NotContains(t, s, "q29")
	require.Equal(t, 24, strings.Count(s, "\n"))
	for row := range strings.Lines(s) {
		require.LessOrEqual(t, len([]rune(row)), 81)
	}
	r.Resize(120, 50)
	s = r.shows("\n  q29 ")
	require.Contains(t, s, "> long-name-of-a-queue-that-+")
	require.Equal(t, 120, len(strings.Split(s, "\n")[0]), "the clock is at the right end")
	r.Resize(40, 8)
	s = r.Until("small", func(s string) bool { return strings.Contains(s, "> long") && !strings.Contains(s, "q29") })
	require.Contains(t, strings.Split(s, "\n")[7], "choose")
	r.Type("G") // the last one comes into view
	r.shows("> q29")
	r.Resize(1, 1)
	r.Resize(80, 24)
	r.shows("> q29")
	r.Type("q")
	r.ends(0)
}

func TestTopGivesTheTerminalBack(t *testing.T) {
	t.Parallel()
	dir := queueDir(t, "q")
	t.Run("on Ctrl-C", func(t *testing.T) {
		t.Parallel()
		r := topOn(t, dir, nil)
		r.Type("\x03")
		r.ends(130)
	})
	t.Run("on SIGTERM", func(t *testing.T) {
		t.Parallel()
		r := topOn(t, dir, nil)
		require.NoError(t, syscall.Kill(r.pid, syscall.SIGTERM))
		r.ends(143)
	})
	t.Run("on SIGHUP", func(t *testing.T) {
		t.Parallel()
		r := topOn(t, dir, nil)
		require.NoError(t, syscall.Kill(r.pid, syscall.SIGHUP))
		r.ends(129)
	})
	t.Run("on Ctrl-Z", func(t *testing.T) {
		t.Parallel()
		r := topOn(t, dir, nil)
		for range 3 {
			r.Type("\x1a")
			until(t, "it stands still", func() bool { return testproc.State(r.pid) == "T" })
			r.givenBack()
			require.NoError(t, syscall.Kill(r.pid, syscall.SIGCONT))
			r.shows("> q")
			until(t, "it has the keys again", r.KeyMode)
		}
		r.Type("q")
		r.ends(0)
	})
}

func TestTopColours(t *testing.T) {
	t.Parallel()
	dir := queueDir(t, "q")
	q := filepath.Join(dir, "shmq.q")
	sendBytes(t, q, "é") // waits, and there is no consumer: a warning
	for name, run := range map[string]struct {
		env, args []string
		colours   bool
	}{
		"yes":        {nil, nil, true},
		"NO_COLOR":   {[]string{"NO_COLOR=1"}, nil, false},
		"--no-color": {nil, []string{"--no-color"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := topOn(t, dir, run.env, run.args...)
			r.shows("no consumer is attached")
			r.Type("q")
			r.ends(0)
			require.Equal(t, run.colours, r.Modes().Colors)
		})
	}
	t.Run("dumb", func(t *testing.T) {
		t.Parallel()
		r := topOn(t, dir, []string{"TERM=dumb", "LC_ALL=C"})
		r.shows("no consumer is attached")
		require.False(t, r.Modes().Alternate || r.Modes().NoWrap || r.Modes().HiddenCursor || r.Modes().Colors)
		for _, c := range r.Screen() {
			require.Less(t, c, rune(128))
		}
		r.Type("q")
		require.Zero(t, r.reported())
		require.False(t, r.KeyMode())
		require.Empty(t, r.Modes().Unknown)
	})
}

func TestTopOnce(t *testing.T) {
	t.Parallel()
	dir := queueDir(t, "alpha", "beta")
	beta := filepath.Join(dir, "shmq.beta")
	sendBytes(t, beta, "a", "b", "c", "d", "e", "f", "g", "h")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shmq.\x1b[31m"), []byte("no queue"), 0o600))
	env := []string{"SHMQ_DIR=" + dir, "LC_ALL=C.UTF-8"}

	p := startWith(t, env, "shmq", "top", "--interval", "50ms") // no terminal
	p.ends(0)
	out := p.out.String()
	require.NotContains(t, out, "\x1b")
	require.Regexp(t, `(?m)^  beta +8 100%       ██ +0 +0 +0 +0 full, no consumer$`, out)
	require.Contains(t, out, "\n\nbeta: the ring is full behind position 0\nbeta: 8 records wait, and no consumer is attached\n")
	require.NotContains(t, out, "[31m", "no queue can be called that")

	p = startWith(t, append(env, "LC_ALL=C", "COLUMNS=100"), "shmq", "top", "--once", "--interval", "50ms", "beta")
	p.ends(0)
	out = p.out.String()
	require.Regexp(t, `^queue beta: 8 slots of 64 bytes, many to many +\d\d:\d\d:\d\d\n`, out)
	require.Equal(t, 100, strings.Index(out, "\n"))
	require.Contains(t, out, "\nnobody is attached\n")
	require.Contains(t, out, "##\n")

	require.Contains(t, startWith(t, env, "shmq", "top", "--once", "nosuch", "--interval", "50ms").ends(66), "nosuch")
	require.Contains(t, startWith(t, []string{"SHMQ_DIR=" + dir + "/none"}, "shmq", "top", "--once").ends(66), "none")
	require.Contains(t, startWith(t, env, "shmq", "top", "--interval", "1ms").ends(64), "50ms or more")

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	p = start(t, nil, full, "shmq", "top", "--once", "--interval", "50ms", beta)
	require.Contains(t, p.ends(1), "can't write the output")
}
