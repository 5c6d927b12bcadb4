package web

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

const (
	mostStreams     = 32  // pages at a time
	mostConnections = 256 // a page uses a handful
	// endTime is how long the end waits for answers that are on their way.
	endTime = 2 * time.Second
)

// ErrOpen: the address can be reached from other machines, and there is no token.
var ErrOpen = errors.New("other machines reach that address, and everybody there would see the queues; give --token auto, or listen on 127.0.0.1 and come through ssh -L")

// Options say what to show, and to whom.
type Options struct {
	Names    []string      // of queues; empty for all
	Interval time.Duration // between two looks, more than 0
	// Token has to be known to see anything; "" lets everybody, which is refused where
	// other machines reach the listener.
	Token string
	Hosts []string // names that the server goes by, beside addresses and localhost
	// Reason says why a queue can't be described, in a line.
	Reason func(error) string
}

type server struct {
	hub *hub
}

// Serve answers on a listener, which it closes, until ctx ends; it then returns the cause. Errors:
// ErrOpen, those of the listener.
func Serve(ctx context.Context, l net.Listener, o *Options) error {
	s := &server{newHub(o)}
	return s.serve(ctx, l, o)
}

func (s *server) serve(ctx context.Context, l net.Listener, o *Options) error {
	defer l.Close()
	if o.Token == "" && !Loopback(l.Addr()) {
		return ErrOpen
	}
	handler, err := s.handler(o, l.Addr())
	if err != nil {
		return err
	}
	h := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong is no news here
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(limit(l, mostConnections)) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.hub.end()
	last, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if h.Shutdown(last) != nil {
		_ = h.Close() // the connections that are left are cut
	}
	return err
}

func (s *server) handler(o *Options, at net.Addr) (http.Handler, error) {
	all, err := files()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/events", s.stream)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		// A client that reads slowly is not waited for.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
		if file := all[r.URL.Path]; file != nil {
			file(w, r)
			return
		}
		http.NotFound(w, r)
	})
	return newAccess(o, at).guard(mux), nil
}
