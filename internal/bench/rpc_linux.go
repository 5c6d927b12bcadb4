package bench

import (
	"context"
	"errors"
	"net"
	netrpc "net/rpc"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq/rpc"
)

// calls are ends that ask and answer: one calls, from as many goroutines as the case has calls in
// flight, the other serves from when it is opened.

// newCaller returns the end that calls.
func newCaller(s spec, clock *monotonic, call func() error, close func() error) end {
	if s.Case.Kind == RoundTrip {
		return &pinger{clock: clock, round: call, close_: close}
	}
	return &flights{clock: clock, n: max(s.Case.Flight, 1), call: call, close_: close}
}

// flights calls from several goroutines.
type flights struct {
	clock  *monotonic
	n      int
	call   func() error
	close_ func() error
}

func (f *flights) run(o order) (out outcome, err error) {
	out.start = f.clock.now()
	var left atomic.Int64
	left.Store(int64(o.N))
	errs := make([]error, f.n)
	var wg sync.WaitGroup
	for i := range f.n {
		wg.Go(func() {
			for errs[i] == nil && left.Add(-1) >= 0 {
				errs[i] = f.call()
			}
		})
	}
	wg.Wait()
	out.end = f.clock.now()
	return out, errors.Join(errs...)
}

func (f *flights) close() error { return f.close_() }

// served is the end that answers. A run is over when it has answered as many.
type served struct {
	clock  *monotonic
	count  atomic.Int64
	want   atomic.Int64
	there  chan struct{}
	failed chan error
	stop   func()
	done   int64
}

func newServed(clock *monotonic) *served {
	return &served{clock: clock, there: make(chan struct{}, 1), failed: make(chan error, 1)}
}

// one counts an answer.
func (s *served) one() {
	if s.count.Add(1) == s.want.Load() {
		select {
		case s.there <- struct{}{}:
		default: // run will look
		}
	}
}

func (s *served) run(o order) (out outcome, err error) {
	s.done += int64(o.N)
	s.want.Store(s.done)
	for s.count.Load() < s.done && err == nil {
		select {
		case <-s.there:
		case err = <-s.failed:
		}
	}
	out.count, out.end = o.N, s.clock.now()
	return out, err
}

func (s *served) close() error {
	s.stop()
	return <-s.failed
}

// newRPC is an end of package rpc.
func newRPC(s spec, clock *monotonic) (end, error) {
	if s.End > 0 {
		e := newServed(clock)
		var ctx context.Context
		ctx, e.stop = context.WithCancel(context.Background())
		go func() {
			e.failed <- rpc.ServeRaw(ctx, s.queue(), &rpc.ServeOptions{Jobs: max(s.Case.Flight, 1)}, func(_ context.Context, b []byte) ([]byte, error) {
				e.one()
				return b, nil
			})
		}()
		return e, nil
	}
	c, err := rpc.DialRaw(s.queue(), nil)
	if err != nil {
		return nil, err
	}
	request := make([]byte, s.Case.Payload)
	return newCaller(s, clock, func() error {
		_, err := c.Call(context.Background(), request)
		return err
	}, c.Close), nil
}

// Echo is what net/rpc serves: its rules want it exported.
type Echo struct{ e *served }

// Bytes answers with what it gets.
func (e Echo) Bytes(in []byte, out *[]byte) error {
	e.e.one()
	*out = in
	return nil
}

// newNetRPC is an end of net/rpc over a Unix socket.
func newNetRPC(s spec, clock *monotonic) (end, error) {
	path := filepath.Join(s.Dir, "socket")
	if s.End > 0 {
		e := newServed(clock)
		server := netrpc.NewServer()
		if err := server.RegisterName("Echo", Echo{e}); err != nil {
			return nil, err
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			return nil, err
		}
		e.stop = func() { e.failed <- l.Close() }
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go server.ServeConn(conn)
			}
		}()
		return e, nil
	}
	var c *netrpc.Client
	err := errors.New("nobody listens")
	for range 1000 { // the other end is being started
		if c, err = netrpc.Dial("unix", path); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	request := make([]byte, s.Case.Payload)
	return newCaller(s, clock, func() error {
		var got []byte
		return c.Call("Echo.Bytes", request, &got)
	}, c.Close), nil
}
