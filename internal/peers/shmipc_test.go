//go:build linux

package peers

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cloudwego/shmipc-go"

	"github.com/shmq/shmq/internal/testproc"
)

// shmipcConfig has room for a window of records, and little more: a small pool of
// buffers stays in the cache.
func shmipcConfig() *shmipc.Config {
	shmipc.SetLogLevel(5) // nothing: standard output is for the parent, and calls return errors
	conf := shmipc.DefaultConfig()
	conf.MemMapType = shmipc.MemMapTypeMemFd
	conf.InitializeTimeout = testproc.Patience
	conf.QueueCap = 4 * window
	conf.ShareMemoryBufferCap = 2 << 20
	conf.BufferSliceSizes = []*shmipc.SizePercentPair{{Size: 64, Percent: 30}, {Size: 1024, Percent: 70}}
	return conf
}

// shmipcEnd is one end of a stream, which has both directions.
type shmipcEnd struct {
	run
	stream *shmipc.Stream
	rec    []byte
}

// send publishes the n-th record, or adds it to the batch that is published with its last.
func (e *shmipcEnd) send(n int, publish bool) error {
	number(e.rec, uint64(n))
	if _, err := e.stream.BufferWriter().WriteBytes(e.rec); err != nil || !publish {
		return err
	}
	return e.stream.Flush(false)
}

// next takes a record, which is valid until release.
func (e *shmipcEnd) next() ([]byte, error) { return e.stream.BufferReader().ReadBytes(recordSize) }

func (e *shmipcEnd) release() { e.stream.BufferReader().ReleasePreviousRead() }

func (e *shmipcEnd) receive(n int) error {
	rec, err := e.next()
	if err == nil {
		err = checkNumber(rec, uint64(n))
	}
	e.release()
	return err
}

// inMemory tells whether all went through shared memory. A stream that finds no buffer
// goes on over the socket for good.
func (e *shmipcEnd) inMemory() error {
	_, s, _ := e.stream.Session().GetMetrics()
	if s.FallbackWriteCount != 0 || s.FallbackReadCount != 0 || s.QueueFullErrorCount != 0 {
		return fmt.Errorf("left shared memory: %+v", s)
	}
	return nil
}

// sendAll sends all records with a window on their way at most: without it the buffers
// run out, and the stream falls back to its socket.
func (e *shmipcEnd) sendAll() error {
	for n := range e.Records {
		last := n == e.Records-1 || (n+1)%e.Batch == 0
		if err := e.send(n, last); err != nil {
			return err
		}
		if (n+1)%(window/2) == 0 && n+1 > window/2 {
			if err := e.receive(n + 1 - window/2); err != nil {
				return err
			}
		}
	}
	return nil
}

// receiveAll says so after every half window.
func (e *shmipcEnd) receiveAll() error {
	for n := range e.Records {
		if err := e.receive(n); err != nil {
			return err
		}
		if (n+1)%(window/2) == 0 {
			if err := e.send(n+1, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func shmipcSender(c *testproc.Child) {
	r := told(c)
	r.Pinning.pinEnd(0)
	sessions, err := shmipc.NewSessionManager(&shmipc.SessionManagerConfig{
		Config: shmipcConfig(), Network: "unix", Address: r.path("socket"), SessionNum: 1, MaxStreamNum: 1,
	})
	c.Check(err)
	stream, err := sessions.GetStream()
	c.Check(err)
	e := &shmipcEnd{r, stream, make([]byte, recordSize)}
	start := time.Now()
	if e.RoundTrip {
		for n := range e.Records {
			c.Check(e.send(n, true))
			c.Check(e.receive(n))
		}
	} else {
		c.Check(e.sendAll())
		if e.Records >= window/2 {
			c.Check(e.receive(e.Records / (window / 2) * (window / 2)))
		}
		c.Check(e.receive(e.Records))
	}
	c.Say("%v", time.Since(start))
	c.Check(e.inMemory())
	c.Check(e.stream.Close())
}

func shmipcReceiver(c *testproc.Child) {
	r := told(c)
	r.Pinning.pinEnd(1)
	l, err := net.Listen("unix", r.path("socket"))
	c.Check(err)
	c.Say("ready")
	conn, err := l.Accept()
	c.Check(err)
	session, err := shmipc.Server(conn, shmipcConfig())
	c.Check(err)
	stream, err := session.AcceptStream()
	c.Check(err)
	e := &shmipcEnd{r, stream, make([]byte, recordSize)}
	if e.RoundTrip {
		for n := range e.Records {
			c.Check(e.receive(n))
			c.Check(e.send(n, true))
		}
	} else {
		c.Check(e.receiveAll())
		c.Check(e.send(e.Records, true))
	}
	c.Check(e.inMemory())
	c.Say("received %d", e.Records)
	// The stream ends with its sender's: before, the last answer might not have arrived.
	if _, err := e.next(); !errors.Is(err, shmipc.ErrEndOfStream) && !errors.Is(err, shmipc.ErrStreamClosed) {
		c.Fail("after the last record: %v", err)
	}
	c.Check(errors.Join(session.Close(), l.Close()))
}
