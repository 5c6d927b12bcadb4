package conn

import (
	"io"
	"net"
	"os"
	"sync/atomic"

	"github.com/shmq/shmq/ring"
)

// Copying straight out of the shared memory, or into it, saves a copy. But what is there can
// change at any time, and code that reads a byte twice, or checks and then uses it, may be
// led astray. So only those are let at it who take each byte once: the kernel, and Conn.

// WriteTo writes all that comes to w, until the stream ends, as io.Copy does; files, sockets
// and connections of this package get it without a copy between. Errors: as Read, but for
// io.EOF, and those of w.
func (c *Conn) WriteTo(w io.Writer) (n int64, err error) {
	switch w.(type) {
	case *os.File, *net.TCPConn, *net.UnixConn, *Conn:
	default:
		return io.Copy(w, readOnly{c})
	}
	if err := c.in.enter(); err != nil {
		return 0, c.failed("read", err)
	}
	defer c.in.leave()
	for {
		var failed error // of w
		err := c.awaitData(func() error {
			if err := c.next(); err != nil {
				return err
			}
			var m int
			rest := c.rest
			c.outside(&c.in, func() { m, failed = w.Write(rest) })
			n += int64(m)
			if err := why(atomic.LoadUint32(&c.in.events)); err != nil {
				if !c.in.ended {
					c.took(m)
				}
				return err
			}
			c.took(m)
			return failed
		})
		switch {
		case failed != nil:
			return n, failed
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, c.failed("read", err)
		}
	}
}

func (c *Conn) took(n int) {
	if n > 0 && c.used(n) {
		c.tellWriter()
	}
}

// ReadFrom writes all that r has, as io.Copy does; what files, sockets and connections of
// this package have goes without a copy between. Errors: as Write, and those of r.
func (c *Conn) ReadFrom(r io.Reader) (n int64, err error) {
	switch r.(type) {
	case *os.File, *net.TCPConn, *net.UnixConn, *Conn:
	default:
		return io.Copy(writeOnly{c}, r)
	}
	if err := c.out.enter(); err != nil {
		return 0, c.failed("write", err)
	}
	defer c.out.leave()
	for {
		m, err := c.fill(r)
		n += int64(m)
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

// fill publishes what one read of r returns, and returns its error, or one of its own.
func (c *Conn) fill(r io.Reader) (m int, failed error) {
	room, err := c.findRoom()
	if err != nil {
		return 0, c.failed("write", err)
	}
	c.outside(&c.out, func() { m, failed = r.Read(room) })
	if atomic.LoadUint32(&c.out.events)&closed != 0 { // the mapping may be gone
		return 0, c.failed("write", net.ErrClosed)
	}
	if m > 0 {
		if err := c.mayWrite(); err != nil {
			return 0, c.failed("write", err)
		}
		if err := c.memory.Out.Publish(m); err != nil {
			return 0, err
		}
		c.tellReader()
	}
	if err := why(atomic.LoadUint32(&c.out.events)); err != nil {
		return m, c.failed("write", err)
	}
	return m, failed
}

// findRoom waits for room.
func (c *Conn) findRoom() ([]byte, error) {
	for {
		if err := c.mayWrite(); err != nil {
			return nil, err
		}
		room, err := c.memory.Out.Room(chunk)
		if err == nil {
			return room, nil
		}
		if err != ring.ErrFull {
			return nil, errBroke
		}
		if err := c.awaitRoom(chunk, err); err != nil {
			return nil, err
		}
	}
}

// readOnly and writeOnly hide the methods above from io.Copy.
type (
	readOnly  struct{ io.Reader }
	writeOnly struct{ io.Writer }
)
