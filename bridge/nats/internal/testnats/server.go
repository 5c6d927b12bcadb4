package testnats

import (
	"bufio"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Embedded starts a server in this process, which ends with the test. c.Dir may be empty.
func Embedded(t testing.TB, c Config, change ...func(*server.Options)) *server.Server {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	if c.Port == 0 {
		c.Port = -1
	}
	o := c.options()
	for _, f := range change {
		f(o)
	}
	s, err := server.NewServer(o)
	require.NoError(t, err)
	l := &log{t: t}
	s.SetLogger(l, false, false)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
		l.close()
	})
	require.True(t, s.ReadyForConnections(30*time.Second))
	return s
}

// Server is one in a child process. It keeps its port and its files when it is started
// again.
type Server struct {
	t      testing.TB
	Config Config
	URL    string
	cmd    *exec.Cmd
	in     io.Closer
}

// Start starts a server in a child, which ends with the test.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	if c.Port == 0 {
		c.Port = -1
	}
	s := &Server{t: t, Config: c}
	s.Begin()
	t.Cleanup(s.Kill)
	return s
}

// Begin starts the server again after Kill or Stop.
func (s *Server) Begin() {
	s.t.Helper()
	require.Nil(s.t, s.cmd, "the server runs")
	text, err := json.Marshal(s.Config)
	require.NoError(s.t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(s.t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	s.cmd, s.in = cmd, in
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(s.t, err)
	s.URL = strings.TrimSpace(line)
	at, err := url.Parse(s.URL)
	require.NoError(s.t, err, line)
	s.Config.Port, err = strconv.Atoi(at.Port())
	require.NoError(s.t, err, line)
}

// Kill kills the server with SIGKILL, and waits until it is gone.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Stop ends the server in order.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.in.Close()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Signal sends the server a signal, SIGSTOP or SIGCONT.
func (s *Server) Signal(sig syscall.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(sig))
}

// Connect connects to a server until the test ends.
func Connect(t testing.TB, at string, opts ...nats.Option) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	opts = append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(0, 0)}, opts...)
	nc, err := nats.Connect(at, opts...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return nc, js
}
