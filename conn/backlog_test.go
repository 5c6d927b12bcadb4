//go:build linux

package conn

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/testproc"
)

// A listener that is too busy to accept is waited for, as long as the context says.
func TestDialWaitsForABusyListener(t *testing.T) {
	t.Parallel()
	name := newName(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: name}))
	require.NoError(t, unix.Listen(fd, 0))
	f := os.NewFile(uintptr(fd), name)
	l, err := net.FileListener(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	defer l.Close()
	for { // until there is no room for one more
		s, err := net.Dial("unix", name)
		if err != nil {
			require.ErrorIs(t, err, syscall.EAGAIN)
			break
		}
		defer s.Close()
	}

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = Dial(ctx, name)
	isOpError(t, err, "dial", context.DeadlineExceeded)
	require.ErrorContains(t, err, "did not answer")

	done := make(chan error, 1)
	go func() {
		c, err := Dial(context.Background(), name)
		if err == nil {
			closeAll(c)
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatal("it did not wait:", err)
	case <-time.After(50 * time.Millisecond):
	}
	for { // now it goes on accepting
		s, err := l.Accept()
		require.NoError(t, err)
		go func() {
			defer s.Close()
			if m, err := consider(s.(*net.UnixConn), DefaultMaxBuffer, func() error { return nil }); err == nil {
				_ = m.Unmap()
			}
		}()
		select {
		case err := <-done:
			require.NoError(t, err)
			return
		case <-time.After(testproc.Patience / 1000):
		}
	}
}
