//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
)

// tty is a terminal, seen from the side of the user that looks at it.
type tty struct {
	*os.File // the end for programs
	mu       sync.Mutex
	text     bytes.Buffer
}

func newTTY(t *testing.T, columns uint16) *tty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	s := &tty{File: slave}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(struct{ io.Writer }{s}, master) // no ReadFrom; ends with EIO when no process has the other end
	}()
	t.Cleanup(func() { slave.Close(); <-read; master.Close() })
	return s
}

func (s *tty) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// history is all that was ever written.
func (s *tty) history() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// screen is what stands there: each \r goes back to the start of the line, to write over
// it.
func (s *tty) screen() string {
	var lines []string
	for _, line := range strings.Split(strings.ReplaceAll(s.history(), "\r\n", "\n"), "\n") {
		var cells []rune
		for _, part := range strings.Split(line, "\r") {
			p := []rune(part)
			cells = append(p, cells[min(len(p), len(cells)):]...)
		}
		lines = append(lines, strings.TrimRight(string(cells), " "))
	}
	return strings.Join(lines, "\n")
}

func (s *tty) matches(pattern string) func() bool {
	re := regexp.MustCompile(pattern)
	return func() bool { return re.MatchString(s.screen()) }
}

// inSession starts a command whose stderr is a terminal, its controlling one.
func inSession(t *testing.T, stdin, stdout, stderr *os.File, name string, args ...string) *process {
	t.Helper()
	return startCmd(t, func(p *process) {
		p.Args = append([]string{name}, args...)
		p.Stdin, p.Stdout, p.Stderr = nil, &p.out, stderr
		if stdin != nil { // not a nil of a type
			p.Stdin = stdin
		}
		if stdout != nil {
			p.Stdout = stdout
		}
		p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	})
}

// One line, which says how it goes or what is waited for, and is gone at the end.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	wide, narrow := newTTY(t, 300), newTTY(t, 40)
	r, w := pipe(t)
	receiver := inSession(t, nil, nil, wide.File, "shmq-recv", q)
	sender := inSession(t, r, nil, narrow.File, "shmq-send", q)

	// The others, of which nothing is to be seen: they were told so, have no terminal,
	// show the records themselves, are in the background.
	quiet, both, behind := newTTY(t, 80), newTTY(t, 80), newTTY(t, 80)
	silent := []*process{
		inSession(t, nil, nil, quiet.File, "shmq-recv", q+"1", "--no-progress"),
		start(t, nil, nil, "shmq-recv", q+"2"),
		inSession(t, nil, both.File, both.File, "shmq-recv", q+"3"),
	}
	self, err := os.Executable()
	require.NoError(t, err)
	inPath := filepath.Join(t.TempDir(), "shmq-recv")
	require.NoError(t, os.Symlink(self, inPath))
	background := startCmd(t, func(p *process) {
		p.Path, p.Args = "/bin/sh", []string{"sh", "-c", `set -m; "$0" "$1" & wait`, inPath, q + "4"}
		p.Stdin, p.Stdout, p.Stderr = behind.File, &p.out, behind.File
		p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	})

	_, err = w.Write(numbers(1, 2500))
	require.NoError(t, err)
	name := regexp.QuoteMeta(fmt.Sprintf("queue %q: ", q))
	until(t, "the receiver's progress", wide.matches(`^`+name+`2\.5 k records, 11\.\d kB; waiting for records$`))
	until(t, "the sender's", narrow.matches(`^2\.5 k records, 11\.\d kB; waiting for inp$`)) // as it fits
	_, err = w.Write(numbers(1, 500))
	require.NoError(t, err)
	until(t, "the line after that", wide.matches(`^`+name+`3\.0 k records, .*$`))
	require.Contains(t, wide.history(), "records/s, ")
	require.Empty(t, quiet.history())
	require.Empty(t, both.history())
	require.Empty(t, behind.history())

	for _, p := range append(silent, receiver) {
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
		require.Empty(t, p.wait(143)) // of stderr that is no terminal
	}
	until(t, "an empty screen", wide.matches(`^$`))
	require.NoError(t, sender.Process.Signal(syscall.SIGTERM))
	sender.wait(143)
	until(t, "the error alone", narrow.matches(`^shmq-send: queue .*terminated; records sent: 3000\n$`))
	for _, p := range attached(q+"4", shmq.Consumer) {
		require.NoError(t, syscall.Kill(p.PID, syscall.SIGTERM))
	}
	background.wait(0)
}

// Asked for, it is there at once and wherever stderr leads.
func TestProgressThatIsAskedFor(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	errs, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer errs.Close()
	saw := func(what string) func() bool {
		return func() bool {
			b, err := os.ReadFile(errs.Name())
			return err == nil && bytes.Contains(b, []byte(what))
		}
	}
	sender := startCmd(t, func(p *process) {
		p.Args = []string{"shmq-send", q, "--slots", "8", "--progress", "-v"}
		p.Stdin, p.Stdout, p.Stderr = bytes.NewReader(numbers(1, 12)), &p.out, errs
	})
	until(t, "a full queue", saw("8 records, 16 B; waiting for room"))
	receiver := start(t, nil, nil, "shmq-recv", q, "--until-eof")
	sender.wait(0)
	receiver.wait(0)
	require.True(t, saw(fmt.Sprintf("\rshmq-send: queue %q: records sent: 12, 27 B in ", q))())

	busy := start(t, bytes.NewReader(numbers(1, 1)), nil, "shmq-send", q)
	busy.ends(0)
	running := startCmd(t, func(p *process) {
		p.Args = []string{"shmq-recv", q, "--exec", "while [ ! -e " + q + ".go ] && [ -d " + filepath.Dir(q) + " ]; do sleep 0.02; done", "--progress", "--until-eof"}
		p.Stdout, p.Stderr = &p.out, errs
	})
	until(t, "a command", saw("0 records, 0 B; running 1"))
	require.NoError(t, os.WriteFile(q+".go", nil, 0o600))
	running.wait(0)
}

// The traces of a killed process are news to commands that were asked for news.
func TestVerboseTellsOfTheDead(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	dir := t.TempDir()
	start(t, bytes.NewReader(numbers(1, 1)), nil, "shmq-send", q).ends(0)
	victim := start(t, nil, nil, "shmq-recv", q, "--exec", "touch "+dir+"/on; while [ ! -e "+dir+"/go ] && [ -d "+dir+" ]; do sleep 0.02; done")
	until(t, "a command", exists(dir, "on"))
	pid := victim.Process.Pid
	require.NoError(t, victim.Process.Kill())
	until(t, "its end", func() bool { return len(attached(q, shmq.Consumer)) == 0 })
	touch(t, dir, "go")
	next := start(t, nil, nil, "shmq-recv", q, "-v", "--until-eof")
	text := next.wait(0)
	require.Equal(t, "1\n", next.out.String())
	require.Regexp(t, fmt.Sprintf(`shmq-recv: queue ".*": a participant died, seat \d+, role consumer, pid %d, command .*, records redelivered 1\n`, pid), text)
	require.Regexp(t, `shmq-recv: queue ".*": records received: 1, 2 B in .* records/s, .*; delivered before: 1\n$`, text)
}
