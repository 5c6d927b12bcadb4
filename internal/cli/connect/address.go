package connect

import (
	"context"
	"io/fs"
	"net"
	"strings"

	"github.com/shmq/shmq/conn"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/socket"
)

// address is one that a person writes down: a conn name, unix:PATH or tcp:HOST:PORT.
type address struct{ network, address string }

// parseAddress takes what has no known network in front for a conn name. Another conn name
// can be written conn:NAME.
func parseAddress(s string) (address, error) {
	for _, network := range []string{"conn", "unix", "tcp"} {
		rest, ok := strings.CutPrefix(s, network+":")
		switch {
		case !ok:
			continue
		case rest == "":
			return address{}, exit.Usage("%q has nothing behind %s:", s, network)
		case network == "tcp":
			if _, _, err := net.SplitHostPort(rest); err != nil {
				return address{}, exit.Usage("%q: want tcp:HOST:PORT", s)
			}
		}
		return address{network, rest}, nil
	}
	return address{"conn", s}, nil
}

func (a address) String() string { return a.network + ":" + a.address }

// dial connects to the address.
func (a address) dial(ctx context.Context) (stream, error) {
	if a.network == "conn" {
		return conn.Dial(ctx, a.address)
	}
	c, err := new(net.Dialer).DialContext(ctx, a.network, a.address)
	if err != nil {
		return nil, err
	}
	return c.(stream), nil
}

// listen listens on the address. mode is that of a socket's file.
func (a address) listen(ctx context.Context, mode fs.FileMode) (net.Listener, error) {
	switch a.network {
	case "conn":
		return (&conn.ListenConfig{Mode: mode}).Listen(a.address)
	case "unix":
		if strings.HasPrefix(a.address, "@") {
			break // an abstract name is no file
		}
		return socket.Config{Mode: mode, Mine: true, Instead: "address"}.Listen(ctx, a.address)
	}
	return new(net.ListenConfig).Listen(ctx, a.network, a.address)
}

// stream is what all connections here are.
type stream interface {
	net.Conn
	CloseWrite() error
}
