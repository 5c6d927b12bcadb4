package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/shmq/shmq/internal/sys"
)

// socketMode: a socket is for the user and the group.
const socketMode = 0o660

// lockPatience bounds the wait for a directory, which others lock for an instant.
const lockPatience = 5 * time.Second

// Listen listens at HOST:PORT, or at unix:PATH, where a socket that nobody serves any more is
// replaced, and nothing else is.
func Listen(at string) (net.Listener, error) {
	path, ok := strings.CutPrefix(at, "unix:")
	if !ok {
		return net.Listen("tcp", at)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	l := &unixListener{path: path}
	if err := l.locked(l.bind); err != nil {
		return nil, err
	}
	return l, nil
}

// unixListener listens at a socket with a name, which goes with it.
type unixListener struct {
	*net.UnixListener
	path string
	file fs.FileInfo
}

// Addr returns the address that was asked for.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close removes the socket's name, too, unless that means another socket by now.
func (l *unixListener) Close() error {
	unlink := l.locked(func(*sys.Dir) error {
		now, err := os.Lstat(l.path)
		if err != nil || !os.SameFile(now, l.file) {
			return nil
		}
		return os.Remove(l.path)
	})
	return errors.Join(unlink, l.UnixListener.Close())
}

// locked runs f while the directory of the socket is locked: of two that find a dead socket
// there, the later would otherwise remove the living one that the other has just made.
func (l *unixListener) locked(f func(dir *sys.Dir) error) error {
	dir, err := sys.OpenDir(filepath.Dir(l.path))
	if err != nil {
		return err
	}
	defer dir.Close()
	ok, err := dir.Lock(lockPatience)
	if err == nil && !ok {
		err = fmt.Errorf("another process has locked the directory for %v", lockPatience)
	}
	if err != nil {
		return err
	}
	return f(dir)
}

func (l *unixListener) bind(dir *sys.Dir) error {
	base := filepath.Base(l.path)
	at := dir.Path(base) // short enough for a socket's address
	lc := net.ListenConfig{Control: sys.SocketMode(socketMode)}
	made, err := lc.Listen(context.Background(), "unix", at)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err := removeStale(at, l.path); err != nil {
			return err
		}
		made, err = lc.Listen(context.Background(), "unix", at)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // at is no path for people
	}
	if err != nil {
		return err
	}
	l.UnixListener = made.(*net.UnixListener)
	l.SetUnlinkOnClose(false) // it would unlink whatever has the name then
	err = dir.ChmodSocket(base, socketMode)
	if err == nil {
		l.file, err = os.Lstat(l.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(l.path), l.UnixListener.Close())
	}
	return nil
}

// removeStale removes a socket at which nobody listens any more.
func removeStale(at, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%w, and no socket", fs.ErrExist)
	}
	c, err := net.DialTimeout("unix", at, lockPatience)
	if err == nil {
		return errors.Join(fmt.Errorf("%w: another process listens there", syscall.EADDRINUSE), c.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: %w", syscall.EADDRINUSE, err) // it is full, or nobody can tell
	}
	return os.Remove(path)
}
