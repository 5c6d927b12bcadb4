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
	"github.com/shmq/shmq/conn/internal/shared"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
)

// DefaultBuffer is how many bytes can be on their way in each direction, unless
// Dialer.Buffer says otherwise.
const DefaultBuffer = 256 << 10

// dialPatience bounds a dial whose context has no deadline.
const dialPatience = 30 * time.Second

// Dialer holds what can be chosen of a connection by the end that dials.
type Dialer struct {
	// Buffer is how many bytes can be on their way in each direction. It is rounded up to
	// a power of two, from 4 KiB to 64 MiB; listeners have a limit of their own. A
	// connection takes a little more than twice that. Default DefaultBuffer.
	Buffer int
	// Wait says how calls wait. Default shmq.SpinThenPark.
	Wait shmq.WaitPolicy
}

// Dial connects to the listener of that name. It returns when the listener's process has
// taken the connection, before Accept does. Errors: ErrName, fs.ErrNotExist and
// syscall.ECONNREFUSED if nobody listens, fs.ErrPermission, ErrProtocol, ErrOption,
// ErrNoSpace, ErrRefused, ctx's.
func Dial(ctx context.Context, name string) (*Conn, error) { return new(Dialer).Dial(ctx, name) }

// Dial is the function Dial, with the choices of d.
func (d *Dialer) Dial(ctx context.Context, name string) (*Conn, error) {
	c, err := d.dial(ctx, name)
	if err != nil {
		return nil, opError("dial", nil, Addr{Name: name}, err)
	}
	return c, nil
}

func (d *Dialer) dial(ctx context.Context, name string) (_ *Conn, err error) {
	buffer, err := bufferSize(d.Buffer, DefaultBuffer)
	if err != nil {
		return nil, err
	}
	path, err := Path(name)
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, dialPatience)
		defer cancel()
	}
	socket, err := connect(ctx, path)
	if err != nil {
		return nil, silent(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, socket.Close())
		}
	}()
	var memory *shared.Memory
	err = bounded(ctx, socket, func() error {
		memory, err = offer(socket, buffer)
		return err
	})
	if err != nil {
		return nil, silent(err)
	}
	peer, err := sys.PeerCredentials(socket)
	var c *Conn
	if err == nil {
		c, err = newConn(socket, memory, peer, park.Policy(d.Wait))
	}
	if err != nil {
		return nil, errors.Join(err, memory.Unmap())
	}
	c.local, c.remote = Addr{name, os.Getpid()}, Addr{Name: name}
	return c, nil
}

func bufferSize(n, standard int) (int, error) {
	if n == 0 {
		n = standard
	}
	if n < 0 || n > shared.MaxBuffer {
		return 0, fmt.Errorf("%w: a buffer of %d bytes, the limit is %d", ErrOption, n, shared.MaxBuffer)
	}
	return max(n, shared.MinBuffer), nil
}

// silent says more of an error if it is that nothing happened in time.
func silent(err error) error {
	if err == context.DeadlineExceeded {
		return fmt.Errorf("%w: the listener did not answer; is its process stopped, or does it accept nothing?", err)
	}
	return err
}

// connect connects the socket at path. Unlike a TCP socket's, the kernel does not wait for room
// in the backlog of one that can wait.
func connect(ctx context.Context, path string) (*net.UnixConn, error) {
	at, done, err := address(path)
	if err != nil {
		return nil, absent(path, err)
	}
	defer done()
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		s, err := new(net.Dialer).DialContext(ctx, "unix", at)
		if err == nil {
			return s.(*net.UnixConn), nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, context.DeadlineExceeded) { // by its own clock, a moment before ctx
			return nil, context.DeadlineExceeded
		}
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // the socket's address means nothing to the caller
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return nil, absent(path, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// absent adds to an error of connecting what can be done about it.
func absent(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: nobody listens: there is no socket %s; start the listener first", err, path)
	case errors.Is(err, syscall.ECONNREFUSED):
		if info, e := os.Lstat(path); e == nil && info.Mode()&(fs.ModeSocket|fs.ModeSymlink) == 0 {
			return fmt.Errorf("%w: %s is no socket; choose another name, or move that file away", err, path)
		}
		return fmt.Errorf("%w: nobody listens any more on %s; start the listener again, which replaces it", err, path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: the mode of %s, or of its directory, keeps this user out; the listener's Mode decides", err, path)
	case errors.Is(err, syscall.EPROTOTYPE):
		return fmt.Errorf("%w: %s is a socket of another kind; choose another name", err, path)
	}
	return err
}

// address returns what can be put into a socket's address for path, which may be longer than
// there is room for, until done is called.
func address(path string) (at string, done func(), err error) {
	if len(path) <= sys.LongestSocketPath {
		return path, func() {}, nil
	}
	dir, err := sys.OpenDir(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return dir.Path(filepath.Base(path)), func() { _ = dir.Close() }, nil
}
