package conn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
)

// DefaultMaxBuffer is the limit of ListenConfig.MaxBuffer unless it says otherwise.
const DefaultMaxBuffer = 1 << 20

// ListenConfig holds what can be chosen of a listener.
type ListenConfig struct {
	// Mode are the permissions of the socket's file, whatever the umask: who may write to it
	// may connect. Default 0600.
	Mode fs.FileMode
	// MaxBuffer is the largest buffer, in bytes each way, that a dialling end may ask for.
	// Default DefaultMaxBuffer.
	MaxBuffer int
	// Wait says how the calls of accepted connections wait. Default shmq.SpinThenPark.
	Wait shmq.WaitPolicy
}

// Listen listens under a name. The socket of a listener that was killed is replaced; that of
// one that lives is not, and neither is any other file. Errors: ErrName, syscall.EADDRINUSE,
// fs.ErrExist, fs.ErrNotExist, fs.ErrPermission.
func Listen(name string) (*Listener, error) { return new(ListenConfig).Listen(name) }

// Listen is the function Listen, with the choices of lc.
func (lc *ListenConfig) Listen(name string) (*Listener, error) {
	l, err := lc.listen(name)
	if err != nil {
		return nil, opError("listen", nil, Addr{Name: name}, err)
	}
	return l, nil
}

func (lc *ListenConfig) listen(name string) (*Listener, error) {
	most, err := bufferSize(lc.MaxBuffer, DefaultMaxBuffer)
	if err != nil {
		return nil, err
	}
	mode := lc.Mode
	if mode == 0 {
		mode = 0o600
	}
	if mode&^fs.ModePerm != 0 {
		return nil, fmt.Errorf("%w: mode %v has more than permissions", ErrOption, mode)
	}
	path, err := Path(name)
	if err != nil {
		return nil, err
	}
	var l *Listener
	err = locked(path, func(dir *sys.Dir) error {
		socket, err := bind(dir, path, mode)
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return errors.Join(err, socket.Close())
		}
		l = newListener(socket, name, path, info, most, lc.Wait)
		return nil
	})
	if err != nil {
		return nil, err
	}
	go l.run()
	return l, nil
}

// lockPatience bounds the wait for a directory, which others lock for an instant. Whoever may
// read it can lock it for longer.
const lockPatience = 5 * time.Second

// locked runs f while the directory of path is locked: between bind and listen a socket looks
// as if its listener were dead, and between the look at a dead one and its removal another
// one could have taken its place.
func locked(path string, f func(dir *sys.Dir) error) error {
	dir, err := sys.OpenDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return place.DirectoryOf(path, filepath.Dir(path) == filepath.Clean(place.Dir()))
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	ok, err := dir.Lock(lockPatience)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: another process has locked the directory %s for %v; lslocks tells which", syscall.EAGAIN, filepath.Dir(path), lockPatience)
	}
	return f(dir)
}

// bind makes a listening socket at path, in place of one whose listener is dead.
//
// Preconditions: its directory dir is locked.
func bind(dir *sys.Dir, path string, mode fs.FileMode) (*net.UnixListener, error) {
	base := filepath.Base(path)
	at := dir.Path(base) // short enough for a socket's address
	lc := net.ListenConfig{Control: sys.SocketMode(mode)}
	for range 2 {
		l, err := lc.Listen(context.Background(), "unix", at)
		if err == nil {
			socket := l.(*net.UnixListener)
			socket.SetUnlinkOnClose(false) // it would unlink whatever has the name then
			if err := dir.ChmodSocket(base, mode); err != nil {
				return nil, errors.Join(err, os.Remove(path), socket.Close())
			}
			return socket, nil
		}
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			if errors.Is(err, fs.ErrPermission) {
				err = fmt.Errorf("%w: this user may not make files in %s; choose another directory", err, filepath.Dir(path))
			}
			return nil, err
		}
		if err := removeStale(at, path); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %s was made anew just now; try again", syscall.EADDRINUSE, path)
}

// removeStale removes a socket on which nobody listens any more.
//
// Preconditions: as bind.
func removeStale(at, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its listener has just closed it
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fail.Exists(path)
	}
	s, err := net.DialTimeout("unix", at, lockPatience)
	if err == nil {
		return errors.Join(fmt.Errorf("%w: another process listens on %s; end it, or choose another name", syscall.EADDRINUSE, path), s.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		// It listens and is full, or nobody can tell.
		return fmt.Errorf("%w: %s: %w; end its listener, or choose another name", syscall.EADDRINUSE, path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("%s is what a dead listener left, and can't be removed: %w", path, err)
	}
	return nil
}
