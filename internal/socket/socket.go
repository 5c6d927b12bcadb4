// Package socket makes Unix sockets that listen under a name, in place of those that killed listeners
// left there.
package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/shmq/shmq/internal/sys"
)

// Patience bounds the wait for a directory, which others lock for an instant. Whoever may
// read it can lock it for longer.
const Patience = 5 * time.Second

// Config says how to listen.
type Config struct {
	Mode fs.FileMode // of the socket's file, whatever the umask
	// Mine: only dead sockets of this user are replaced, and not all that this user may remove.
	Mine bool
	// Instead is what a person may choose another of when this one can't be had: "name", "--listen".
	Instead string
}

// Listener is a socket that listens, and the file that is its name.
type Listener struct {
	*net.UnixListener
	path string
	file fs.FileInfo

	mu     sync.Mutex // held while it is being closed, so that a second Close waits for the first
	closed bool
}

// Listen listens at path. The socket of a listener that was killed is replaced; that of one that lives is
// not, and neither is any other file. Errors: syscall.EADDRINUSE, syscall.EAGAIN for a directory that another process
// has locked, fs.ErrExist, fs.ErrNotExist, fs.ErrPermission.
func (c Config) Listen(ctx context.Context, path string) (l *Listener, err error) {
	folder, base := split(path)
	if base == "" || base == "." || base == ".." {
		return nil, fmt.Errorf("%w: %q is a directory; choose another %s", syscall.EISDIR, path, c.Instead)
	}
	dir, err := sys.OpenDir(folder)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another %s", err, c.Instead)
	}
	defer dir.Close()
	at := dir.Path(base)
	if len(at) > sys.LongestSocketPath {
		return nil, fmt.Errorf("%w: the last part of %s is too long for a socket; choose another %s", syscall.ENAMETOOLONG, path, c.Instead)
	}
	err = locked(dir, path, Patience, func() error {
		socket, err := c.bind(ctx, at, path)
		if err != nil {
			return err
		}
		socket.SetUnlinkOnClose(false) // it would unlink whatever has the name then
		file, err := os.Lstat(at)
		if err != nil { // another process has taken the file away
			return errors.Join(err, socket.Close())
		}
		if err := dir.ChmodSocket(base, c.Mode); err != nil {
			return errors.Join(err, removeSame(at, file), socket.Close())
		}
		l = &Listener{UnixListener: socket, path: path, file: file}
		return nil
	})
	return l, err
}

// split cuts path before its last part. The kernel resolves what is before that: a link and .. behind it mean
// another directory than without both.
func split(path string) (dir, base string) {
	i := strings.LastIndexByte(path, '/')
	switch {
	case i < 0:
		return ".", path
	case i == 0:
		return "/", path[1:]
	}
	return path[:i], path[i+1:]
}

// Path returns where it listens.
func (l *Listener) Path() string { return l.path }

// Addr returns where it listens, as a *net.UnixAddr.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: l.path} }

// Accept is net.UnixListener.Accept, whose errors name the short path that the socket was bound to.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.UnixListener.Accept()
	var op *net.OpError
	if errors.As(err, &op) {
		op.Addr = l.Addr()
	}
	return c, err
}

// Close ends the listener, after its file was removed. It waits up to Patience for the directory, and no connection is
// accepted meanwhile.
func (l *Listener) Close() error { return l.CloseWithin(Patience) }

// CloseWithin is Close with another patience.
func (l *Listener) CloseWithin(patience time.Duration) (err error) {
	_ = l.SetDeadline(time.Unix(1, 0))
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		err = l.remove(patience) // first: as soon as the socket is closed others may take the name
	}
	return errors.Join(err, l.UnixListener.Close())
}

// remove removes the socket's file if it is still this one's. While this end listens no
// other listener takes the name; a user may have moved the file, or the directory.
func (l *Listener) remove(patience time.Duration) error {
	folder, base := split(l.path)
	dir, err := sys.OpenDir(folder)
	if err == nil {
		defer dir.Close()
		err = locked(dir, l.path, patience, func() error { return removeSame(dir.Path(base), l.file) })
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("the socket %s stays, and the next listener of this name replaces it: %w", l.path, err)
}

// removeSame removes the file at a path if it is that one.
func removeSame(at string, file fs.FileInfo) error {
	now, err := os.Lstat(at)
	if err != nil || !os.SameFile(now, file) {
		return err
	}
	return os.Remove(at)
}

// locked runs f while dir, the directory of path, is locked: between bind and listen a socket looks
// as if its listener were dead, and between the look at a dead one and its removal another
// one could have taken its place.
func locked(dir *sys.Dir, path string, patience time.Duration, f func() error) error {
	ok, err := dir.Lock(patience)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: another process has locked the directory %s for %v; lslocks tells which", syscall.EAGAIN, filepath.Dir(path), patience)
	}
	return f()
}

// bind makes a listening socket at path, of which at is short enough for a socket's address, in place of one whose
// listener is dead.
//
// Preconditions: its directory is locked.
func (c Config) bind(ctx context.Context, at, path string) (*net.UnixListener, error) {
	lc := net.ListenConfig{Control: sys.SocketMode(c.Mode)}
	for range 2 {
		l, err := lc.Listen(ctx, "unix", at)
		if err == nil {
			return l.(*net.UnixListener), nil
		}
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			if errors.Is(err, fs.ErrPermission) {
				err = fmt.Errorf("%w: this user may not make files in %s", err, filepath.Dir(path))
			}
			return nil, fmt.Errorf("%w; choose another %s", err, c.Instead)
		}
		if err := c.removeStale(ctx, at, path); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %s was made anew just now; try again", syscall.EADDRINUSE, path)
}

// removeStale removes a socket on which nobody listens any more.
//
// Preconditions: as bind.
func (c Config) removeStale(ctx context.Context, at, path string) error {
	info, err := os.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its listener has just closed it
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%w: %s is no socket; remove it, or choose another %s", fs.ErrExist, path, c.Instead)
	}
	if uid, ok := sys.OwnerOf(info); c.Mine && !(ok && uid == os.Geteuid()) {
		return fmt.Errorf("%w: %s is another user's; remove it, or choose another %s", syscall.EADDRINUSE, path, c.Instead)
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	s, err := new(net.Dialer).DialContext(ctx, "unix", at)
	if err == nil {
		return errors.Join(fmt.Errorf("%w: another process listens on %s; end it, or choose another %s", syscall.EADDRINUSE, path, c.Instead), s.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		// It listens and is full, or nobody can tell.
		return fmt.Errorf("%w: %s: %w; end its listener, or choose another %s", syscall.EADDRINUSE, path, err, c.Instead)
	}
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is what a dead listener left, and can't be removed: %w", path, err)
	}
	return nil
}
