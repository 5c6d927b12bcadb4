//go:build linux

package conn

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
)

// An Accept that Close overtakes finds both of its channels closed, and takes either.
func TestAcceptBesideClose(t *testing.T) {
	t.Parallel()
	for range 4 {
		l, err := Listen(newName(t))
		require.NoError(t, err)
		var waiting sync.WaitGroup
		for range 4 {
			waiting.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						isOpError(t, err, "accept", net.ErrClosed)
						return
					}
					closeAll(c)
				}
			})
		}
		for range 3 { // of which some are ready when it closes
			d, err := Dial(context.Background(), l.name)
			require.NoError(t, err)
			closeAll(d)
		}
		require.NoError(t, l.Close())
		waiting.Wait()
		for range 64 {
			l.room <- struct{}{} // or it would hang rather than return no connection
			c, err := l.next()
			require.ErrorIs(t, err, net.ErrClosed)
			require.Nil(t, c)
			<-l.room
		}
	}
}

// A listener in a directory that another process has locked ends for those who accept at once. It
// removes its socket if it gets the lock in time, and says so if it does not.
func TestCloseInALockedDirectory(t *testing.T) {
	t.Parallel()
	lock := func(path string) *sys.Dir {
		dir, err := sys.OpenDir(filepath.Dir(path))
		require.NoError(t, err)
		ok, err := dir.Lock(0)
		require.NoError(t, err)
		require.True(t, ok)
		return dir
	}
	l, err := Listen(newName(t))
	require.NoError(t, err)
	l.patience = testproc.Patience
	dir := lock(l.socket.Path())
	closed := make(chan error, 1)
	go func() { closed <- l.Close() }()
	_, err = l.Accept()
	isOpError(t, err, "accept", net.ErrClosed)
	require.FileExists(t, l.socket.Path())
	require.NoError(t, dir.Close())
	require.NoError(t, <-closed)
	require.NoFileExists(t, l.socket.Path())

	l, err = Listen(l.name)
	require.NoError(t, err)
	l.patience = 0
	dir = lock(l.socket.Path())
	err = l.Close()
	isOpError(t, err, "close", syscall.EAGAIN)
	require.ErrorContains(t, err, l.socket.Path()+" stays")
	require.NoError(t, dir.Close())
	again, err := Listen(l.name)
	require.NoError(t, err, "in place of the socket that stayed")
	require.NoError(t, os.Rename(again.socket.Path(), again.socket.Path()+" moved"))
	require.NoError(t, again.Close(), "there is nothing to remove")
}
