package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/shmq/shmq/conn"
)

// newHTTP is an end of a case whose round trips are requests: the first end asks, and the
// other one serves in the background.
func newHTTP(s spec, clock *monotonic) (end, error) {
	name := filepath.Join(s.Dir, "http")
	if s.End > 0 {
		l, err := listenHTTP(s.Case, name)
		if err != nil {
			return nil, err
		}
		body := make([]byte, s.Case.Payload)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })}
		go func() { _ = server.Serve(l) }()
		return &alone{clock, func(int) error { return nil }}, nil
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialUntil(func() (net.Conn, error) { return dialHTTP(ctx, s.Case, name) })
	}}}
	buf := make([]byte, s.Case.Payload+1)
	return &pinger{
		clock:  clock,
		close_: func() error { client.CloseIdleConnections(); return nil },
		round: func() error {
			resp, err := client.Get("http://bench/")
			if err != nil {
				return err
			}
			n, err := io.ReadFull(resp.Body, buf)
			if n != s.Case.Payload {
				return errors.Join(err, fmt.Errorf("%d bytes came, want %d", n, s.Case.Payload))
			}
			return resp.Body.Close()
		},
	}, nil
}

func listenHTTP(c Case, name string) (net.Listener, error) {
	switch c.Link {
	case linkConn:
		return conn.Listen(name)
	case linkGoUnix:
		return net.Listen("unix", name)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil { // renamed, so that it is read whole
		err = errors.Join(os.WriteFile(name+".new", []byte(l.Addr().String()), 0o600), os.Rename(name+".new", name))
	}
	return l, err
}

func dialHTTP(ctx context.Context, c Case, name string) (net.Conn, error) {
	switch c.Link {
	case linkConn:
		return conn.Dial(ctx, name)
	case linkGoUnix:
		return new(net.Dialer).DialContext(ctx, "unix", name)
	}
	address, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, "tcp", string(address))
}
