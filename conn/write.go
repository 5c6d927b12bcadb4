package conn

import (
	"sync/atomic"

	"github.com/shmq/shmq/internal/blockcopy"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// chunk is the largest record: the other end can read one while the next is being written.
const chunk = 16 << 10

// Write writes all of b, and waits for room where there is none. If it fails, n tells how
// much was written. Concurrent writes do not mix. Errors: net.ErrClosed,
// os.ErrDeadlineExceeded, syscall.EPIPE, ErrDamaged.
func (c *Conn) Write(b []byte) (n int, err error) {
	err = c.out.enter()
	if err == nil {
		n, err = c.write(b)
		c.out.leave()
	}
	if err != nil {
		err = c.failed("write", err)
	}
	return n, err
}

func (c *Conn) write(b []byte) (n int, err error) {
	for {
		if err := c.mayWrite(); err != nil {
			return n, err
		}
		if n == len(b) {
			return n, nil
		}
		m, err := c.put(b[n:])
		n += m
		if err == nil {
			if n == len(b) {
				return n, nil
			}
			// A reader that keeps up lets a large write go on without a wait.
			if err := why(atomic.LoadUint32(&c.out.events)); err != nil {
				return n, err
			}
			continue
		}
		if err := c.awaitRoom(len(b)-n, err); err != nil {
			return n, err
		}
	}
}

// mayWrite reports why nothing can be written any more.
func (c *Conn) mayWrite() error {
	switch {
	case c.finish:
		return errShut
	case c.memory.ReadStopped(), atomic.LoadUint32(&c.out.events)&gone != 0:
		return errPipe
	}
	return nil
}

// put publishes what there is room for, a record at most. Errors: ring.ErrFull,
// ring.ErrDamaged.
func (c *Conn) put(b []byte) (int, error) {
	n := len(b)
	if n <= layout.InlineSize {
		if err := c.memory.Out.Send(b); err != nil {
			return 0, err
		}
	} else {
		room, err := c.memory.Out.Room(min(n, chunk))
		if err != nil {
			return 0, err
		}
		n = blockcopy.Copy(room, b)
		if err := c.memory.Out.Publish(n); err != nil {
			return 0, err
		}
	}
	c.tellReader()
	return n, nil
}

// tellReader wakes the other end if it waits for something to read.
func (c *Conn) tellReader() {
	c.memory.TheirData.Ring(c.ringData)
}

// awaitRoom waits until it is worth while to try again what failed: to write n bytes. The caller holds the
// lock, which is let go meanwhile.
func (c *Conn) awaitRoom(n int, failed error) error {
	if failed != ring.ErrFull {
		return errBroke
	}
	c.outside(&c.out, func() { c.sleepForRoom(min(n, chunk)) })
	return why(atomic.LoadUint32(&c.out.events))
}

// sleepForRoom returns when it is worth while to look again. Whoever had to wait waits for
// more than a slot, or a slow reader would have a large write cut into small records.
func (c *Conn) sleepForRoom(n int) {
	c.out.sleep(c.memory.ForRoom, func() bool { return c.memory.Out.HasRoom(n) || c.memory.ReadStopped() })
}
