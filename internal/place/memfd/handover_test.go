//go:build linux

package memfd_test

import (
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// Processes that have nothing in common but a socket's path share a queue; it outlives
// the one that made it.
func TestQueueHandedOverASocket(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		path := filepath.Join(t.TempDir(), "socket")
		giver := testproc.Start(t, "give-queue", path, o.Producers.String(), o.Consumers.String())
		giver.Expect("listening")
		taker := func() (*testagent.Agent, string) {
			p := testproc.Start(t, "take-queue", path)
			name := p.Expect("name")
			p.Expect("ready")
			return testagent.Of(t, p), name
		}
		p, pName := taker()
		c, cName := taker()
		giver.Kill()
		p.Do("producer %s", pName)
		c.Do("consumer %s", cName)
		p.Sends("a", "b")
		p.Kill()
		require.Equal(t, testagent.Fresh("a", "b"), c.Lease(2))
		c.Do("ack 0")
		c.Do("ack 1")
	})
}

// giveQueue makes a queue and gives it to all processes that ask.
//
// Arguments: the socket's path, producers, consumers.
func giveQueue(c *testproc.Child) {
	var o shmq.Options
	c.Check(o.Producers.UnmarshalText([]byte(c.Args[1])))
	c.Check(o.Consumers.UnmarshalText([]byte(c.Args[2])))
	f, err := shmq.CreateAnonymous(&o)
	c.Check(err)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.Args[0], Net: "unix"})
	c.Check(err)
	c.Say("listening")
	for {
		conn, err := l.AcceptUnix()
		c.Check(err)
		c.Check(shmq.SendFile(conn, f))
		c.Check(conn.Close())
	}
}

// takeQueue takes a queue and is an agent from then on.
//
// Arguments: the socket's path.
func takeQueue(c *testproc.Child) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: c.Args[0], Net: "unix"})
	c.Check(err)
	f, err := shmq.ReceiveFile(conn)
	c.Check(err)
	c.Check(conn.Close())
	c.Say("name %s", shmq.FileName(f))
	testagent.Play(c)
	runtime.KeepAlive(f)
}

// sockets are the two ends of a connection.
func sockets(t *testing.T, kind int) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	end := func(fd int) *net.UnixConn {
		f := os.NewFile(uintptr(fd), "socket")
		defer f.Close()
		conn, err := net.FileConn(f)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		return conn.(*net.UnixConn)
	}
	return end(fds[0]), end(fds[1])
}

// A queue is taken from between other data of a stream, and from messages.
func TestReceiveTakesWhatWasSentAndNoMore(t *testing.T) {
	for name, kind := range map[string]int{"stream": unix.SOCK_STREAM, "packets": unix.SOCK_SEQPACKET, "datagrams": unix.SOCK_DGRAM} {
		t.Run(name, func(t *testing.T) {
			a, b := sockets(t, kind)
			f := newAnonymous(t, nil)
			raw, err := b.SyscallConn()
			require.NoError(t, err)
			require.NoError(t, raw.Control(func(fd uintptr) {
				require.NoError(t, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSPIDFD, 1) // Linux 6.5
			}))
			require.NoError(t, shmq.SendFile(a, f))
			require.NoError(t, shmq.SendFile(a, f))
			_, err = a.Write([]byte("rest"))
			require.NoError(t, err)
			before := openDescriptors(t)
			for range 2 {
				got, err := shmq.ReceiveFile(b)
				require.NoError(t, err)
				require.Equal(t, inode(t, f).Ino, inode(t, got).Ino)
				flags, err := unix.FcntlInt(got.Fd(), unix.F_GETFD, 0)
				require.NoError(t, err)
				require.Equal(t, unix.FD_CLOEXEC, flags)
				require.NoError(t, testagent.Attach(t, shmq.FileName(got), shmq.Producer).Detach())
				require.NoError(t, got.Close())
			}
			require.Equal(t, before, openDescriptors(t))
			rest := make([]byte, 10)
			n, err := b.Read(rest)
			require.NoError(t, err)
			require.Equal(t, "rest", string(rest[:n]))
		})
	}
}

// openDescriptors counts what is open: only for tests that do not run beside others.
func openDescriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(files)
}

// Whatever a stranger sends, it is a queue of a final size or an error, and nothing of
// it stays open.
func TestReceiveFromAStranger(t *testing.T) {
	pipe, other, err := os.Pipe()
	require.NoError(t, err)
	defer pipe.Close()
	defer other.Close()
	queue := newAnonymous(t, nil)
	named := testagent.Queue(t, nil)
	path, err := shmq.Path(named)
	require.NoError(t, err)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	text, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer text.Close()
	closed := unsealed(t)
	_, err = unix.FcntlInt(closed.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL)
	require.NoError(t, err)
	lots := make([]int, 100)
	for i := range lots {
		lots[i] = int(queue.Fd())
	}
	fds := func(files ...*os.File) (fds []int) {
		for _, f := range files {
			fds = append(fds, int(f.Fd()))
		}
		return fds
	}
	for what, c := range map[string]struct {
		fds  []int
		is   error
		says string
	}{
		"none":               {nil, shmq.ErrNotQueue, "0 descriptors"},
		"two":                {fds(queue, queue), shmq.ErrNotQueue, "2 descriptors"},
		"lots":               {lots, shmq.ErrNotQueue, "100 descriptors"},
		"pipe":               {fds(pipe), shmq.ErrNotQueue, "no regular file"},
		"text":               {fds(text), shmq.ErrNotQueue, "magic"},
		"named queue":        {fds(file), shmq.ErrNotQueue, "cut shorter"},
		"never to be sealed": {fds(closed), shmq.ErrNotQueue, "cut shorter"},
	} {
		t.Run(what, func(t *testing.T) {
			a, b := sockets(t, unix.SOCK_STREAM)
			before := openDescriptors(t)
			var rights []byte
			if c.fds != nil {
				rights = unix.UnixRights(c.fds...)
			}
			_, _, err := a.WriteMsgUnix([]byte{1}, rights, nil)
			require.NoError(t, err)
			f, err := shmq.ReceiveFile(b)
			require.Nil(t, f)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n")
			require.Equal(t, before, openDescriptors(t), "all were closed")
		})
	}
	t.Run("the end", func(t *testing.T) {
		a, b := sockets(t, unix.SOCK_STREAM)
		require.NoError(t, a.Close())
		_, err := shmq.ReceiveFile(b)
		require.ErrorIs(t, err, io.EOF)
		require.ErrorContains(t, err, "before a queue came")
	})
	t.Run("not sealed yet", func(t *testing.T) {
		a, b := sockets(t, unix.SOCK_STREAM)
		mine := unsealed(t)
		_, _, err := a.WriteMsgUnix([]byte{1}, unix.UnixRights(int(mine.Fd())), nil)
		require.NoError(t, err)
		f, err := shmq.ReceiveFile(b)
		require.NoError(t, err)
		defer f.Close()
		require.ErrorIs(t, mine.Truncate(0), unix.EPERM, "too late")
	})
}

// The sender hears at once of a file that no receiver would take.
func TestSendChecksTheFile(t *testing.T) {
	t.Parallel()
	a, _ := sockets(t, unix.SOCK_STREAM)
	text, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	require.ErrorIs(t, shmq.SendFile(a, text), shmq.ErrNotQueue)
	require.NoError(t, text.Close())
	require.ErrorIs(t, shmq.SendFile(a, text), fs.ErrClosed)
	require.NoError(t, a.Close())
	require.ErrorIs(t, shmq.SendFile(a, newAnonymous(t, nil)), net.ErrClosed)
}

// The kernel drops what does not fit into the receiver's table.
func TestReceiveWithoutRoomForADescriptor(t *testing.T) {
	t.Parallel()
	a, b := sockets(t, unix.SOCK_STREAM)
	end, err := b.File()
	require.NoError(t, err)
	c := testproc.StartWith(t, []*os.File{end}, nil, "receive-too-many")
	require.NoError(t, end.Close())
	c.Expect("full")
	require.NoError(t, shmq.SendFile(a, newAnonymous(t, nil)))
	c.Say("go")
	said := c.Expect("refused")
	require.Contains(t, said, "ulimit -n")
}

func receiveTooMany(c *testproc.Child) {
	conn, err := net.FileConn(os.NewFile(3, "socket"))
	c.Check(err)
	free, err := unix.Dup(0)
	c.Check(err)
	c.Check(unix.Close(free))
	c.Check(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free), Max: uint64(free)}))
	c.Say("full %s", strconv.Itoa(free))
	<-c.Lines
	_, err = shmq.ReceiveFile(conn.(*net.UnixConn))
	sayRefused(c, err)
}
