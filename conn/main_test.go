//go:build linux

package conn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		"server": server, "dialler": dialler, "listener": listenerChild, "contender": contender, "visitor": visitor,
		"busy dialler": busyDialler, "busy listener": busyListener,
	})
}

// newName returns a name of the test's own, in a directory that goes with the test.
func newName(t testing.TB) string { return filepath.Join(t.TempDir(), "socket") }

// newPair makes a connection within this process.
func newPair(t testing.TB) (dialled, accepted *Conn) { return newPairWith(t, &Dialer{}) }

func newPairWith(t testing.TB, d *Dialer) (dialled, accepted *Conn) {
	t.Helper()
	name := newName(t)
	l, err := (&ListenConfig{Wait: d.Wait, MaxBuffer: d.Buffer}).Listen(name)
	require.NoError(t, err)
	dialled, err = d.Dial(context.Background(), name)
	require.NoError(t, err)
	accepted, err = l.AcceptConn()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	t.Cleanup(func() { closeAll(dialled, accepted) })
	return dialled, accepted
}

// closeAll closes what is not closed yet.
func closeAll(cs ...io.Closer) {
	for _, c := range cs {
		_ = c.Close()
	}
}

// pattern returns n bytes that tell their position, from at on.
func pattern(at, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		p := uint32(at + i)
		b[i] = byte(p ^ p>>8*31 ^ p>>16*17)
	}
	return b
}

// server listens under a name and does what it is told with what it accepts, a
// connection at a time.
func server(c *testproc.Child) {
	l, err := Listen(c.Args[0])
	c.Check(err)
	c.Say("listening")
	var s *Conn
	for line := range c.Lines {
		switch line {
		case "accept":
			s, err = l.AcceptConn()
			c.Check(err)
			c.Say("accepted %d", s.Peer().PID)
		case "read":
			b := make([]byte, 1<<20)
			n, err := s.Read(b)
			c.Say("%d %v", n, err)
		case "close":
			c.Check(s.Close())
			c.Say("closed")
		case "close listener":
			c.Check(l.Close())
			c.Say("closed")
		case "echo":
			go func() { _, _ = io.Copy(s, s); _ = s.Close() }()
			c.Say("echoing")
		case "end":
			os.Exit(0)
		default: // write N
			n, err := strconv.Atoi(line)
			c.Check(err)
			_, err = s.Write(pattern(0, n))
			c.Check(err)
			c.Say("wrote")
		}
	}
}

// dialler dials a name, says what it is told, and waits.
func dialler(c *testproc.Child) {
	d, err := Dial(context.Background(), c.Args[0])
	c.Check(err)
	c.Say("dialled %d", d.Peer().PID)
	for line := range c.Lines {
		n, err := strconv.Atoi(line)
		c.Check(err)
		_, err = d.Write(pattern(0, n))
		c.Check(err)
		c.Say("wrote")
	}
}

// startServer starts a server and connects to it.
func startServer(t *testing.T) (*testproc.Proc, *Conn) {
	t.Helper()
	name := newName(t)
	p := testproc.Start(t, "server", name)
	p.Expect("listening")
	p.Say("accept")
	c, err := Dial(context.Background(), name)
	require.NoError(t, err)
	t.Cleanup(func() { closeAll(c) })
	p.Expect("accepted " + strconv.Itoa(os.Getpid()))
	require.Equal(t, p.PID(), c.Peer().PID)
	return p, c
}

// isOpError checks that an error names the operation and the connection.
func isOpError(t *testing.T, err error, op string, is error) {
	t.Helper()
	var e *net.OpError
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, op, e.Op)
	require.Equal(t, "shmq", e.Net)
	require.ErrorIs(t, err, is)
}
