package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// patience bounds every wait for a condition: long, because it only passes when
// something is broken.
const patience = 60 * time.Second

// queue is a queue's name as a path of its own, so that tests run in parallel and
// leave nothing behind.
func queuePath(t *testing.T) string { return filepath.Join(t.TempDir(), "q") }

// process is a command that was started; it does not outlive the test.
type process struct {
	*exec.Cmd
	t      *testing.T
	out    bytes.Buffer // stdout, unless it was redirected
	stderr bytes.Buffer
	done   chan error
}

// start starts a command with stdin, which may be nil. redirect is its stdout, if
// that is not to be collected.
func start(t *testing.T, stdin io.Reader, redirect *os.File, name string, args ...string) *process {
	t.Helper()
	return startCmd(t, func(p *process) {
		p.Args = append([]string{name}, args...)
		p.Stdin, p.Stdout, p.Stderr = stdin, &p.out, &p.stderr
		if redirect != nil {
			p.Stdout = redirect
		}
	})
}

// startWith starts a command with more in its environment.
func startWith(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	return startCmd(t, func(p *process) {
		p.Args = append([]string{name}, args...)
		p.Env = append(p.Env, env...)
		p.Stdout, p.Stderr = &p.out, &p.stderr
	})
}

// startCmd starts a command that prepare describes: by its name, or as a program.
func startCmd(t *testing.T, prepare func(p *process)) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{Cmd: exec.Command(self), t: t, done: make(chan error, 1)}
	p.Env = append(os.Environ(), "GORACE="+raceOptions)
	prepare(p)
	p.WaitDelay = patience
	require.NoError(t, p.Start())
	go func() { p.done <- p.Wait() }()
	t.Cleanup(func() {
		p.Process.Kill()
		select {
		case <-p.done:
		case <-time.After(patience):
			t.Error("process does not end")
		}
	})
	return p
}

// ends waits for the end and checks the exit code and that there is no more than one
// line on stderr, which it returns.
func (p *process) ends(code int) string {
	p.t.Helper()
	line := p.wait(code)
	require.LessOrEqual(p.t, strings.Count(line, "\n"), 1, line)
	return line
}

// wait waits for the end, checks the exit code and returns what was on stderr.
func (p *process) wait(code int) string {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err // for the cleanup
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			require.NoError(p.t, err)
		}
	case <-time.After(patience):
		p.t.Fatalf("%v does not end", p.Args)
	}
	require.Equal(p.t, code, p.ProcessState.ExitCode(), "%v: %s", p.Args, p.stderr.String())
	return p.stderr.String()
}

// ran runs a command to its end, which has to be with that code, and returns its
// output.
func ran(t *testing.T, code int, name string, args ...string) string {
	t.Helper()
	p := start(t, nil, nil, name, args...)
	p.ends(code)
	return p.out.String()
}

// until waits for a condition.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// attached returns what the queue says of its living participants of a role.
func attached(name string, role shmq.Role) (ps []shmq.Participant) {
	info, err := shmq.Stat(name)
	if err != nil {
		return nil
	}
	for _, p := range info.Participants {
		if p.Role == role && p.Alive {
			ps = append(ps, p)
		}
	}
	return ps
}

// waiting says that a participant of the role has gone to sleep.
func waiting(name string, role shmq.Role) func() bool {
	return func() bool {
		ps := attached(name, role)
		return len(ps) > 0 && ps[0].Waits > 0
	}
}

// rest receives what is still in a queue.
func rest(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	p := start(t, nil, nil, "shmq-recv", append([]string{name, "--until-empty", "--no-create"}, args...)...)
	p.ends(0)
	return p.out.Bytes()
}

// numbers is what seq 1 n prints.
func numbers(from, to int) []byte {
	var b []byte
	for i := from; i <= to; i++ {
		b = append(strconv.AppendInt(b, int64(i), 10), '\n')
	}
	return b
}

// requireSame compares long outputs without printing them.
func requireSame(t *testing.T, want, got []byte) {
	t.Helper()
	if bytes.Equal(want, got) {
		return
	}
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	show := func(b []byte) string { return fmt.Sprintf("%.60q", b[min(i, len(b)):]) }
	t.Fatalf("%d bytes, want %d; at byte %d there is %s, want %s", len(got), len(want), i, show(got), show(want))
}
