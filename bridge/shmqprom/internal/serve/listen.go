package serve

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/shmq/shmq/internal/socket"
)

// socketMode: a socket is for the user and the group.
const socketMode = 0o660

// Listen listens at HOST:PORT, or at unix:PATH, where a socket that nobody serves any more is
// replaced, and nothing else is.
func Listen(at string) (net.Listener, error) {
	path, ok := strings.CutPrefix(at, "unix:")
	if !ok {
		l, err := net.Listen("tcp", at)
		if err != nil {
			err = fmt.Errorf("%w; choose another --listen", err)
		}
		return l, err
	}
	path, err := filepath.Abs(path) // Close removes it, wherever the process is by then
	if err != nil {
		return nil, err
	}
	l, err := socket.Config{Mode: socketMode, Instead: "--listen"}.Listen(context.Background(), path)
	if err != nil {
		return nil, err
	}
	return l, nil
}
