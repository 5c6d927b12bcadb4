//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/conn"
	"github.com/shmq/shmq/internal/sys"
)

// forwards starts shmq conn forward and returns the address on which it listens.
func forwards(t *testing.T, args ...string) (p *process, listens string) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	p = startCmd(t, func(p *process) {
		p.Args = append([]string{"shmq", "conn", "forward"}, args...)
		p.Stderr = w
	})
	require.NoError(t, w.Close())
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	return p, strings.Fields(line)[3]
}

// content is what the server has, and its checksum.
func content() ([]byte, [32]byte) {
	b := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz\n"), 300_000)
	return b, sha256.Sum256(b)
}

// A client that knows nothing of connections over shared memory reaches a server that does
// not either, through one of those; curl too, if it is there.
func TestForwardBothWays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name, socket := filepath.Join(dir, "conn"), filepath.Join(dir, "socket")
	big, sum := content()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append(big, body...))
	}))
	defer server.Close()
	to, _ := forwards(t, name, "tcp:"+server.Listener.Addr().String())
	fromUnix, _ := forwards(t, "unix:"+socket, name)
	fromTCP, at := forwards(t, "tcp:127.0.0.1:0", "conn:"+name)
	url := "http://" + strings.TrimPrefix(at, "tcp:") + "/"

	client := &http.Client{Transport: &http.Transport{}}
	for range 3 {
		resp, err := client.Post(url, "text/plain", bytes.NewReader(big))
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Len(t, got, 2*len(big))
		require.Equal(t, sum, sha256.Sum256(got[len(big):]))
	}
	client.CloseIdleConnections()
	if curl, err := exec.LookPath("curl"); err == nil {
		for _, args := range [][]string{{url}, {"--unix-socket", socket, "http://x/"}} {
			out, err := exec.Command(curl, append([]string{"-s", "-S"}, args...)...).Output()
			require.NoError(t, err)
			require.Equal(t, sum, sha256.Sum256(out))
		}
	}
	for p, sig := range map[*process]syscall.Signal{to: syscall.SIGTERM, fromUnix: syscall.SIGINT, fromTCP: syscall.SIGHUP} {
		require.NoError(t, p.Process.Signal(sig))
		p.wait(128 + int(sig))
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// An end of one direction is passed on, and the other direction stays open.
func TestForwardPassesHalfCloseOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name, socket := filepath.Join(dir, "conn"), filepath.Join(dir, "socket")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	forwards(t, name, "unix:"+socket)
	c, err := conn.Dial(context.Background(), name)
	require.NoError(t, err)
	defer c.Close()
	s, err := l.Accept()
	require.NoError(t, err)
	defer s.Close()
	_, err = c.Write([]byte("question"))
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	got, err := io.ReadAll(s)
	require.NoError(t, err)
	require.Equal(t, "question", string(got))
	_, err = s.Write([]byte("answer"))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	got, err = io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "answer", string(got))
}

// A stream that was broken off does not look like one that ended.
func TestForwardPassesAResetOn(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "conn")
	l, err := conn.Listen(name)
	require.NoError(t, err)
	defer l.Close()
	_, at := forwards(t, "tcp:127.0.0.1:0", name)
	c, err := net.Dial("tcp", strings.TrimPrefix(at, "tcp:"))
	require.NoError(t, err)
	defer c.Close()
	s, err := l.AcceptConn()
	require.NoError(t, err)
	_, err = s.Write([]byte("half of"))
	require.NoError(t, err)
	got := make([]byte, 7)
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.NoError(t, s.Abort())
	_, err = c.Read(got)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	// And the other way round.
	c, err = net.Dial("tcp", strings.TrimPrefix(at, "tcp:"))
	require.NoError(t, err)
	s, err = l.AcceptConn()
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
	_, err = s.Read(got)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// A signal gives open connections as long as was asked for.
func TestForwardEndsBySignal(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "conn")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	p, _ := forwards(t, "--grace", "1h", name, "tcp:"+l.Addr().String())
	c, err := conn.Dial(context.Background(), name)
	require.NoError(t, err)
	s, err := l.Accept()
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	until(t, "it listens no more", func() bool { _, err := os.Stat(name); return os.IsNotExist(err) })
	_, err = c.Write([]byte("late"))
	require.NoError(t, err)
	_, err = io.ReadFull(s, make([]byte, 4))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
	p.wait(128 + 15)

	p, _ = forwards(t, name, "tcp:"+l.Addr().String())
	c, err = conn.Dial(context.Background(), name)
	require.NoError(t, err)
	defer c.Close()
	_, err = l.Accept()
	require.NoError(t, err)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	p.wait(128 + 15)
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestForwardToNowhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "conn")
	p, _ := forwards(t, name, "unix:"+filepath.Join(dir, "none"))
	c, err := conn.Dial(context.Background(), name)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	p.wait(128 + 15)
}

// A forwarder does not end before it has removed its socket, for which another process may hold the
// directory's lock.
func TestForwardEndsAfterItsSocket(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"unix:", "conn:"} {
		path := filepath.Join(t.TempDir(), "socket")
		p, _ := forwards(t, kind+path, "tcp:127.0.0.1:1")
		dir, err := sys.OpenDir(filepath.Dir(path))
		require.NoError(t, err)
		ok, err := dir.Lock(0)
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
		select {
		case err := <-p.done: // p.wait gets it
			p.done <- err
		case <-time.After(100 * time.Millisecond): // it would have ended by then
		}
		require.NoError(t, dir.Close())
		p.wait(143)
		left, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// A forwarder that was killed leaves a socket: the next one takes its place, with the permissions
// that were asked for. It takes that of no other listener, and no file that is no socket.
func TestForwardAfterKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "socket")
	first, _ := forwards(t, "unix:"+socket, filepath.Join(dir, "conn"))
	start(t, nil, nil, "shmq", "conn", "forward", "unix:"+socket, filepath.Join(dir, "conn")).ends(1)
	require.NoError(t, first.Process.Kill())
	err := <-first.done
	first.done <- err
	_, err = os.Lstat(socket)
	require.NoError(t, err, "it is left")
	next, _ := forwards(t, "unix:"+socket, filepath.Join(dir, "conn"), "--mode", "0666", "--grace", "0")
	info, err := os.Lstat(socket)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o666), info.Mode().Perm())
	require.NoError(t, next.Process.Signal(syscall.SIGTERM))
	next.wait(143)
	_, err = os.Lstat(socket)
	require.ErrorIs(t, err, os.ErrNotExist)

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("kept"), 0o600))
	start(t, nil, nil, "shmq", "conn", "forward", "unix:"+file, filepath.Join(dir, "conn")).ends(1)
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "kept", string(kept))
}
