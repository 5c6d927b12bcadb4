//go:build linux

package conn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// listenerChild listens and does nothing else.
func listenerChild(c *testproc.Child) {
	_, err := Listen(c.Args[0])
	c.Check(err)
	c.Say("listening")
	<-c.Lines
}

func TestNames(t *testing.T) {
	t.Setenv("SHMQ_DIR", "/some/where")
	for name, want := range map[string]string{
		"web":       "/some/where/shmq-conn.web",
		"fd:3":      "/some/where/shmq-conn.fd:3",
		"/run/web":  "/run/web",
		"/run//web": "/run/web",
	} {
		path, err := Path(name)
		require.NoError(t, err)
		require.Equal(t, want, path)
	}
	for _, name := range []string{"", ".", "..", "a/../b", "a/", "a\nb", "\xff", strings.Repeat("x", 100), "/tmp/" + strings.Repeat("x", 100)} {
		_, err := Path(name)
		require.ErrorIs(t, err, ErrName, "%q", name)
		_, err = Listen(name)
		isOpError(t, err, "listen", ErrName)
		_, err = Dial(context.Background(), name)
		isOpError(t, err, "dial", ErrName)
	}
}

func TestNameInTheDirectoryOfQueues(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	l, err := Listen("web")
	require.NoError(t, err)
	d, err := Dial(context.Background(), "web")
	require.NoError(t, err)
	require.Equal(t, []string{"web", "web@" + strconv.Itoa(os.Getpid()), "web"},
		[]string{l.Addr().String(), d.LocalAddr().String(), d.RemoteAddr().String()})
	a, err := l.Accept()
	require.NoError(t, err)
	require.Equal(t, d.LocalAddr(), a.RemoteAddr())
	require.Equal(t, d.RemoteAddr(), a.LocalAddr())
	closeAll(d, a)
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Close(), net.ErrClosed)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// The path of a socket may be longer than its address has room for.
func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	require.NoError(t, os.Mkdir(dir, 0o700))
	name := filepath.Join(dir, "socket")
	l, err := Listen(name)
	require.NoError(t, err)
	d, err := Dial(context.Background(), name)
	require.NoError(t, err)
	closeAll(d)
	require.NoError(t, l.Close())
}

func TestDialWhereNobodyListens(t *testing.T) {
	t.Parallel()
	name := newName(t)
	_, err := Dial(context.Background(), name)
	isOpError(t, err, "dial", fs.ErrNotExist)
	require.ErrorContains(t, err, "start the listener first")
	require.ErrorContains(t, err, name)

	require.NoError(t, os.WriteFile(name, nil, 0o600))
	_, err = Dial(context.Background(), name)
	isOpError(t, err, "dial", syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "no socket")
	_, err = Listen(name)
	isOpError(t, err, "listen", fs.ErrExist)
	require.ErrorContains(t, err, name)

	_, err = Listen(filepath.Join(filepath.Dir(name), "none", "socket"))
	isOpError(t, err, "listen", fs.ErrNotExist)
	require.ErrorContains(t, err, "make it first")
}

// A listener that is killed leaves its socket, which says so and is replaced.
func TestStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	name := newName(t)
	p := testproc.Start(t, "listener", name)
	p.Expect("listening")
	_, err := Listen(name)
	isOpError(t, err, "listen", syscall.EADDRINUSE)
	require.ErrorContains(t, err, "another process listens")
	p.Kill()
	_, err = Dial(context.Background(), name)
	isOpError(t, err, "dial", syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "start the listener again")
	l, err := Listen(name)
	require.NoError(t, err)
	d, err := Dial(context.Background(), name)
	require.NoError(t, err)
	closeAll(d)
	require.NoError(t, l.Close())
	require.NoFileExists(t, name)
}

// A listener that is stopped is not dead.
func TestStoppedListenerIsNotReplaced(t *testing.T) {
	t.Parallel()
	name := newName(t)
	p := testproc.Start(t, "listener", name)
	p.Expect("listening")
	p.Stop()
	_, err := Listen(name)
	isOpError(t, err, "listen", syscall.EADDRINUSE)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = Dial(ctx, name)
	isOpError(t, err, "dial", context.DeadlineExceeded)
	require.ErrorContains(t, err, "stopped")
	p.Continue()
	d, err := Dial(context.Background(), name)
	require.NoError(t, err)
	closeAll(d)
}

// contender tries to listen when it is told, and says what came of it.
func contender(c *testproc.Child) {
	c.Say("ready")
	for range c.Lines {
		l, err := Listen(c.Args[0])
		switch {
		case err == nil:
			c.Say("won")
			<-c.Lines
			c.Check(l.Close())
			c.Say("closed")
		case errors.Is(err, syscall.EADDRINUSE):
			c.Say("lost")
		default:
			c.Fail("%v", err)
		}
	}
}

// Of several that replace a stale socket at once one wins, and it has the name.
func TestRaceForAStaleSocket(t *testing.T) {
	t.Parallel()
	name := newName(t)
	var all []*testproc.Proc
	for range 4 {
		p := testproc.Start(t, "contender", name)
		p.Expect("ready")
		all = append(all, p)
	}
	for round := range 15 {
		stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: name})
		require.NoError(t, err)
		stale.SetUnlinkOnClose(false)
		require.NoError(t, stale.Close())
		for _, p := range all {
			p.Say("go")
		}
		var winner *testproc.Proc
		for _, p := range all {
			if p.Line() == "won" {
				require.Nil(t, winner, "round %d", round)
				winner = p
			}
		}
		require.NotNil(t, winner, "round %d", round)
		d, err := Dial(context.Background(), name)
		require.NoError(t, err)
		require.Equal(t, winner.PID(), d.Peer().PID)
		closeAll(d)
		winner.Say("close")
		winner.Expect("closed")
		require.NoFileExists(t, name)
	}
}

// Close removes no file that came into the socket's place.
func TestCloseRemovesItsOwnSocketOnly(t *testing.T) {
	t.Parallel()
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	require.NoError(t, os.Remove(name))
	other, err := Listen(name)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	d, err := Dial(context.Background(), name)
	require.NoError(t, err)
	closeAll(d)
	require.NoError(t, other.Close())
}

func TestModeOfTheSocket(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0, 0o660, 0o666, 0o600, 0o640} {
		name := newName(t)
		l, err := (&ListenConfig{Mode: mode}).Listen(name)
		require.NoError(t, err)
		info, err := os.Stat(name)
		require.NoError(t, err)
		want := mode
		if mode == 0 {
			want = 0o600
		}
		require.Equal(t, want, info.Mode().Perm())
		require.NoError(t, l.Close())
	}
	_, err := (&ListenConfig{Mode: fs.ModeSetuid | 0o600}).Listen(newName(t))
	isOpError(t, err, "listen", ErrOption)
}

// visitor says what comes of dialling.
func visitor(c *testproc.Child) {
	d, err := Dial(context.Background(), c.Args[0])
	switch {
	case err == nil:
		c.Say("connected")
		<-c.Lines
		_ = d.Close()
	case errors.Is(err, fs.ErrPermission):
		c.Say("refused %v", err)
	default:
		c.Fail("%v", err)
	}
}

// The file's mode decides who may connect, and the kernel says who did.
func TestAccessByOtherUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs another user")
	}
	t.Parallel()
	dir, err := os.MkdirTemp(os.Getenv("SHMQ_DIR"), "")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o755))
	exe := testproc.ForAnyone(t)
	other := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4321, Gid: 8765}}
	for _, mode := range []fs.FileMode{0o600, 0o666} {
		name := filepath.Join(dir, fmt.Sprintf("%o", mode))
		l, err := (&ListenConfig{Mode: mode}).Listen(name)
		require.NoError(t, err)
		p := testproc.StartExe(t, exe, other, "visitor", name)
		if mode == 0o600 {
			require.Contains(t, p.Expect("refused"), "keeps this user out")
		} else {
			p.Expect("connected")
			a, err := l.AcceptConn()
			require.NoError(t, err)
			require.Equal(t, Peer{PID: p.PID(), UID: 4321, GID: 8765}, a.Peer())
			closeAll(a)
		}
		require.NoError(t, l.Close())
	}
}

func TestAcceptAfterClose(t *testing.T) {
	t.Parallel()
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	d, err := Dial(context.Background(), name)
	require.NoError(t, err)
	defer closeAll(d)
	waiting := make(chan error, 1)
	other, err := Listen(newName(t))
	require.NoError(t, err)
	go func() { _, err := other.Accept(); waiting <- err }()
	require.NoError(t, other.Close())
	isOpError(t, <-waiting, "accept", net.ErrClosed)
	require.NoError(t, l.Close())
	_, err = l.Accept()
	isOpError(t, err, "accept", net.ErrClosed)
	_, err = d.Read(make([]byte, 1))
	require.Error(t, err, "it was never accepted, and is closed")
}

func TestBuffers(t *testing.T) {
	t.Parallel()
	name := newName(t)
	l, err := (&ListenConfig{MaxBuffer: 64 << 10}).Listen(name)
	require.NoError(t, err)
	defer l.Close()
	_, err = (&Dialer{Buffer: 128 << 10}).Dial(context.Background(), name)
	isOpError(t, err, "dial", ErrOption)
	require.ErrorContains(t, err, "smaller Buffer")
	for _, n := range []int{-1, 1 << 30} {
		_, err = (&Dialer{Buffer: n}).Dial(context.Background(), name)
		isOpError(t, err, "dial", ErrOption)
		_, err = (&ListenConfig{MaxBuffer: n}).Listen(newName(t))
		isOpError(t, err, "listen", ErrOption)
	}
	d, err := (&Dialer{Buffer: 1}).Dial(context.Background(), name)
	require.NoError(t, err)
	wrote := make(chan int, 1)
	go func() { n, _ := d.Write(make([]byte, 1<<20)); wrote <- n }()
	waitAsleep(t, &d.out)
	require.NoError(t, d.SetWriteDeadline(time.Unix(1, 0)))
	require.Equal(t, 4<<10, <-wrote, "the least there is")
	closeAll(d)
}

// More than the backlog wait their turn, and none is lost.
func TestMoreThanTheBacklog(t *testing.T) {
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	defer l.Close()
	const n = backlog + maxShaking + 20
	failed := make(chan error, n)
	for range n {
		go func() {
			d, err := (&Dialer{Buffer: 4 << 10}).Dial(context.Background(), name)
			if err == nil {
				_, err = d.Write([]byte("x"))
				err = errors.Join(err, d.Close())
			}
			failed <- err
		}()
	}
	testproc.Until(t, func() bool { return len(l.ready) >= backlog })
	for range n {
		a, err := l.Accept()
		require.NoError(t, err)
		_, err = a.Read(make([]byte, 2))
		require.NoError(t, err)
		closeAll(a)
	}
	for range n {
		require.NoError(t, <-failed)
	}
}

// A file that is not there is not always the directory: /proc may be absent, or the socket have been taken away.
func TestAbsentFileInADirectoryThatIsThere(t *testing.T) {
	t.Parallel()
	gone := fmt.Errorf("bind: %w", fs.ErrNotExist)
	require.Equal(t, gone, orDirectory(gone, newName(t)))
	err := orDirectory(gone, filepath.Join(t.TempDir(), "none", "socket"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, gone)
}
