package conn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/socket"
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
	s, err := socket.Config{Mode: mode, Instead: "name"}.Listen(context.Background(), path)
	if err != nil {
		return nil, orDirectory(err, path)
	}
	l := newListener(s, name, most, lc.Wait)
	go l.run()
	return l, nil
}

// orDirectory returns what is wrong with the directory of path if that is absent, and else err.
func orDirectory(err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		if none := place.DirectoryOf(path, filepath.Dir(path) == filepath.Clean(place.Dir())); none != nil {
			return none
		}
	}
	return err
}
