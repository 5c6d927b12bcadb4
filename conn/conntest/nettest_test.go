//go:build linux

package conntest

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/shmq/shmq/conn"
)

// pipe makes a connection, as nettest wants it.
func pipe(t *testing.T) nettest.MakePipe {
	name := filepath.Join(t.TempDir(), "pipe")
	return func() (c1, c2 net.Conn, stop func(), err error) {
		l, err := conn.Listen(name)
		if err != nil {
			return nil, nil, nil, err
		}
		defer l.Close()
		a, err := conn.Dial(context.Background(), name)
		if err != nil {
			return nil, nil, nil, err
		}
		b, err := l.Accept()
		if err != nil {
			return nil, nil, nil, err
		}
		return a, b, func() { a.Close(); b.Close() }, nil
	}
}

func TestConn(t *testing.T) { nettest.TestConn(t, pipe(t)) }
