//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cloudwego/shmipc-go"
)

// inFlight is how many records a shmipc stream has on its way at most.
const inFlight = 1024

// shmipcConfig has room for a window of records, and little more: a small pool of
// buffers stays in the cache.
func shmipcConfig() *shmipc.Config {
	shmipc.SetLogLevel(5) // nothing: standard output is for the runner, and calls return errors
	conf := shmipc.DefaultConfig()
	conf.MemMapType = shmipc.MemMapTypeMemFd
	conf.InitializeTimeout = 10 * time.Second
	conf.QueueCap = 4 * inFlight
	conf.ShareMemoryBufferCap = 2 << 20
	conf.BufferSliceSizes = []*shmipc.SizePercentPair{{Size: 64, Percent: 30}, {Size: 1024, Percent: 70}}
	return conf
}

// shmipcEnd is one end of a stream, which has both directions.
type shmipcEnd struct {
	s      *shmipc.Stream
	accept func() (*shmipc.Stream, error) // the receiver's first act
	rec    []byte
}

func openShmipc(o order) (goLink, error) {
	e := &shmipcEnd{rec: make([]byte, o.size)}
	if !o.receiver {
		sessions, err := shmipc.NewSessionManager(&shmipc.SessionManagerConfig{
			Config: shmipcConfig(), Network: "unix", Address: o.path("socket"), SessionNum: 1, MaxStreamNum: 1,
		})
		if err != nil {
			return nil, err
		}
		e.s, err = sessions.GetStream()
		return e, err
	}
	l, err := net.Listen("unix", o.path("socket"))
	if err != nil {
		return nil, err
	}
	sessions := make(chan *shmipc.Session, 1)
	failed := make(chan error, 1)
	go func() { // the sender connects after this end has said that it is ready
		conn, err := l.Accept()
		if err == nil {
			var session *shmipc.Session
			if session, err = shmipc.Server(conn, shmipcConfig()); err == nil {
				sessions <- session
				return
			}
		}
		failed <- err
	}()
	e.accept = func() (*shmipc.Stream, error) {
		select {
		case session := <-sessions:
			return session.AcceptStream()
		case err := <-failed:
			return nil, err
		}
	}
	return e, nil
}

// connect waits for the sender, whose stream there is with its first record.
func (e *shmipcEnd) connect() (err error) {
	if e.s == nil {
		e.s, err = e.accept()
	}
	return err
}

// send publishes the n-th record, or adds it to the batch that is published with its last.
func (e *shmipcEnd) send(n int, publish bool) error {
	number(e.rec, uint64(n))
	if _, err := e.s.BufferWriter().WriteBytes(e.rec); err != nil || !publish {
		return err
	}
	return e.s.Flush(false)
}

func (e *shmipcEnd) receive(n int) error {
	rec, err := e.s.BufferReader().ReadBytes(len(e.rec))
	if err == nil {
		err = checkNumber(rec, len(e.rec), uint64(n))
	}
	e.s.BufferReader().ReleasePreviousRead()
	return err
}

// inMemory tells whether all went through shared memory. A stream that finds no buffer
// goes on over the socket for good.
func (e *shmipcEnd) inMemory() error {
	_, s, _ := e.s.Session().GetMetrics()
	if s.FallbackWriteCount != 0 || s.FallbackReadCount != 0 || s.QueueFullErrorCount != 0 {
		return fmt.Errorf("left shared memory: %+v", s)
	}
	return nil
}

// throughput has a window on its way at most: without it the buffers run out, and the stream
// falls back to its socket. The receiver says so after every half window, and at the end.
func (e *shmipcEnd) throughput(o order) (start, end int64, err error) {
	if err := e.connect(); err != nil {
		return 0, 0, err
	}
	const half = inFlight / 2
	start = now()
	for n := range o.n {
		at := n + 1
		if o.receiver {
			err = e.receive(n)
			if err == nil && (at%half == 0 || at == o.n) {
				err = e.send(at, true)
			}
		} else {
			err = e.send(n, at == o.n || at%o.batch == 0)
			if err == nil && at%half == 0 && at > half {
				err = e.receive(at - half)
			}
		}
		if err != nil {
			return 0, 0, err
		}
	}
	end = now()
	if !o.receiver {
		// The answers that are still to come.
		last := o.n / half * half
		if o.n >= half && last != o.n {
			err = e.receive(last)
		}
		err = errors.Join(err, e.receive(o.n))
	}
	return start, end, errors.Join(err, e.inMemory())
}

func (e *shmipcEnd) roundTrip(o order) (start, end int64, err error) {
	if err := e.connect(); err != nil {
		return 0, 0, err
	}
	start = now()
	for n := range o.n {
		if o.receiver {
			err = errors.Join(e.receive(n), e.send(n, true))
		} else {
			err = errors.Join(e.send(n, true), e.receive(n))
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return start, now(), e.inMemory()
}

func (e *shmipcEnd) stream(order, *progress) error {
	return errors.New("a session ends with either end")
}
