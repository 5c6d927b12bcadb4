package socket

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

var mine, others = Config{Mode: 0o600, Mine: true, Instead: "place"}, Config{Mode: 0o600, Instead: "place"}

// stale leaves the socket of a listener that is dead at path.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
}

// A dead socket of another user is replaced only where any may be.
func TestOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "socket")
	stale(t, path)
	l, err := mine.Listen(context.Background(), path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoFileExists(t, path)

	stale(t, path)
	if err := os.Chown(path, os.Geteuid()+1, -1); err != nil {
		t.Skipf("only root can give a file to another user: %v", err)
	}
	_, err = mine.Listen(context.Background(), path)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, path+" is another user's; remove it, or choose another place")
	l, err = others.Listen(context.Background(), path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// A path may be longer than the address of a socket, and is what Addr says.
func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 200))
	require.NoError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "socket")
	l, err := mine.Listen(context.Background(), path)
	require.NoError(t, err)
	require.Equal(t, path, l.Addr().String())
	require.Equal(t, path, l.Path())
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, 0o600|fs.ModeSocket, info.Mode())
	_, err = mine.Listen(context.Background(), path)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, "another process listens on "+path)
	require.NoError(t, l.Close())
	require.NoFileExists(t, path)
}

// What is before the last part of a path is the kernel's to resolve, and only the socket's own file goes with it.
func TestPathBehindALink(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	far := filepath.Join(top, "far", "in")
	require.NoError(t, os.MkdirAll(far, 0o700))
	link := filepath.Join(top, "link")
	require.NoError(t, os.Symlink(far, link))
	require.NoError(t, os.WriteFile(filepath.Join(top, "socket"), []byte("kept"), 0o600))
	l, err := mine.Listen(context.Background(), link+"/../socket")
	require.NoError(t, err)
	_, err = os.Lstat(filepath.Join(top, "far", "socket"))
	require.NoError(t, err, "where the kernel finds it")
	require.NoError(t, l.Close())
	require.NoFileExists(t, filepath.Join(top, "far", "socket"))
	require.FileExists(t, filepath.Join(top, "socket"))

	for _, path := range []string{far + "/", far + "/.", far + "/..", ""} {
		_, err := mine.Listen(context.Background(), path)
		require.ErrorIs(t, err, syscall.EISDIR, path)
	}
	_, err = mine.Listen(context.Background(), filepath.Join(far, strings.Repeat("n", 100)))
	require.ErrorIs(t, err, syscall.ENAMETOOLONG)
	require.ErrorContains(t, err, "choose another place")
}

// A file that came into the socket's place stays, also at a second Close, when it may be another's by chance.
func TestCloseTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "socket")
	l, err := mine.Listen(context.Background(), path)
	require.NoError(t, err)
	accepted := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	require.NoError(t, l.Close())
	require.ErrorContains(t, <-accepted, path)
	next, err := mine.Listen(context.Background(), path)
	require.NoError(t, err)
	require.ErrorIs(t, l.Close(), net.ErrClosed)
	require.FileExists(t, path)
	require.NoError(t, next.Close())
}
