package testnats

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Command is a shmq-nats in a process of its own.
type Command struct {
	t      testing.TB
	Args   []string
	cmd    *exec.Cmd
	mu     sync.Mutex
	text   bytes.Buffer
	exited chan struct{}
	code   int
}

// Run starts shmq-nats. It is killed at the end of the test if it runs then.
func Run(t testing.TB, args ...string) *Command {
	t.Helper()
	c := &Command{t: t, Args: args, exited: make(chan struct{})}
	c.cmd = exec.Command(os.Args[0], args...)
	c.cmd.Env = append(os.Environ(), commandEnv+"=1", "GORACE=atexit_sleep_ms=0")
	c.cmd.Stdout, c.cmd.Stderr = c, c
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // for tests that time out
	require.NoError(t, c.cmd.Start())
	go func() {
		_ = c.cmd.Wait()
		c.code = c.cmd.ProcessState.ExitCode()
		close(c.exited)
	}()
	t.Cleanup(c.Kill)
	return c
}

// Write takes what the command says.
func (c *Command) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(b)
}

// Text returns what the command has said.
func (c *Command) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// Kill kills it with SIGKILL, and waits until it is gone.
func (c *Command) Kill() {
	_ = c.cmd.Process.Kill()
	<-c.exited
}

// Signal sends it a signal.
func (c *Command) Signal(sig syscall.Signal) { _ = c.cmd.Process.Signal(sig) }

// Exited reports whether it has ended by itself, and how.
func (c *Command) Exited() (code int, yes bool) {
	select {
	case <-c.exited:
		return c.code, true
	default:
		return 0, false
	}
}

// Ends waits until it has ended, with that code, and returns what it said.
func (c *Command) Ends(code int) string {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(time.Minute):
		require.Fail(c.t, "it does not end", "%v\n%s", c.Args, c.Text())
	}
	require.Equal(c.t, code, c.code, "%v\n%s", c.Args, c.Text())
	return c.Text()
}

// Says waits until it has said a text.
func (c *Command) Says(text string) {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(c.Text(), text); time.Sleep(2 * time.Millisecond) {
		if _, over := c.Exited(); over && !strings.Contains(c.Text(), text) {
			require.Fail(c.t, "it has ended and never said "+text, "%v\n%s", c.Args, c.Text())
		}
		require.True(c.t, time.Now().Before(end), "%v never says %q, but\n%s", c.Args, text, c.Text())
	}
}
