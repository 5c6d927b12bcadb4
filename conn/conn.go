package conn

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq/conn/internal/shared"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
)

// Conn is an end of a connection. It is a net.Conn; all of its methods are safe for
// concurrent use. It has to be closed.
type Conn struct {
	memory             *shared.Memory
	socket             *net.UnixConn
	ringData, ringRoom func() // the other end's bells
	in                 half
	out                half

	lease ring.Lease // the record that is being read
	rest  []byte     // what is left of it

	users  atomic.Int32 // halves that may touch the memory
	local  Addr
	remote Addr
	peer   credentials
	finish bool // the other end has been told that nothing more comes; under out.mu
}

// Bells: what a byte on the socket says.
const (
	bellData = 'd' // there is something to read
	bellRoom = 'r' // there is room to write
)

// newConn makes an end of what a hand-shake has left.
func newConn(socket *net.UnixConn, memory *shared.Memory, peer credentials, policy park.Policy) (*Conn, error) {
	bell, err := sys.Nudge(socket)
	if err == nil {
		err = socket.SetDeadline(time.Time{})
	}
	if err != nil {
		return nil, err
	}
	c := &Conn{memory: memory, socket: socket, peer: peer}
	c.ringData, c.ringRoom = func() { bell(bellData) }, func() { bell(bellRoom) }
	c.in.init(policy)
	c.out.init(policy)
	c.users.Store(2)
	go c.watch()
	return c, nil
}

// watch hears the other end's bell and notices its end, until the socket is closed. The
// other end may ring as it likes: a ring makes a call look again, and no more.
func (c *Conn) watch() {
	var bells [64]byte
	for {
		n, err := c.socket.Read(bells[:])
		for _, bell := range bells[:n] {
			switch bell {
			case bellData:
				c.in.poke()
			case bellRoom:
				c.out.poke()
			}
		}
		if err != nil {
			c.in.mark(gone)
			c.out.mark(gone)
			return
		}
	}
}

// LocalAddr returns an Addr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns an Addr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets when reads, those under way too, fail with os.ErrDeadlineExceeded.
// The zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.in, t) }

// SetWriteDeadline is SetReadDeadline for writes. A write that timed out may have written
// some of its bytes, and says how many.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.out, t) }

func (c *Conn) setDeadline(h *half, t time.Time) error {
	if atomic.LoadUint32(&h.events)&closed != 0 {
		return c.failed("set", net.ErrClosed)
	}
	h.setDeadline(t)
	return nil
}

// CloseWrite ends the stream of this end: the other one reads what was written, and then
// io.EOF. Reading goes on. A write that waits fails with syscall.EPIPE.
func (c *Conn) CloseWrite() error {
	h := &c.out
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return c.failed("close", net.ErrClosed)
	}
	c.finishWriting()
	h.note(shut)
	return nil
}

// finishWriting says that nothing more will be written, and wakes the reader. The caller
// holds out.mu, and a write publishes with it held, so nothing comes after that.
func (c *Conn) finishWriting() {
	if c.finish {
		return
	}
	c.finish = true
	c.memory.Finish()
	c.memory.TheirData.Ring(c.ringData)
}

// Close ends the connection. Calls that wait fail with net.ErrClosed. The other end can still
// read what was written, and then gets io.EOF, or syscall.EPIPE for what it writes.
func (c *Conn) Close() error { return c.close(c.finishWriting) }

// Abort is Close, but the other end can tell that the stream is not whole: after what was
// written it gets syscall.ECONNRESET, as if this process had ended.
func (c *Conn) Abort() error { return c.close(func() {}) }

// close ends the connection; last is what is done about the stream.
func (c *Conn) close(last func()) error {
	if atomic.OrUint32(&c.in.events, closed)&closed != 0 {
		return c.failed("close", net.ErrClosed)
	}
	c.out.mark(closed)
	c.in.mark(closed)
	c.end(&c.out, last)
	c.end(&c.in, c.memory.StopReading)
	// Whoever sleeps at the other end wakes up of this.
	if err := c.socket.Close(); err != nil {
		return c.failed("close", err)
	}
	return nil
}

// end ends a half, saying so to the other end.
func (c *Conn) end(h *half, say func()) {
	h.setDeadline(time.Time{})
	h.mu.Lock()
	defer h.mu.Unlock()
	say()
	h.ended = true
	if !h.busy {
		c.release()
	}
}

// outside is half.outside, and releases a half that has ended meanwhile.
func (c *Conn) outside(h *half, f func()) {
	defer func() {
		if h.ended {
			c.release()
		}
	}()
	h.outside(f)
}

// release ends the use of the memory by one half. The caller holds its lock.
func (c *Conn) release() {
	if c.users.Add(-1) == 0 {
		_ = c.memory.Unmap() // our own mapping: can't fail
	}
}

func (c *Conn) failed(op string, err error) error { return opError(op, c.local, c.remote, err) }
