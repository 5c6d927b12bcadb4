package conn

import (
	"io"
	"sync/atomic"

	"github.com/shmq/shmq/internal/blockcopy"
	"github.com/shmq/shmq/ring"
)

// Read reads what is there, at least a byte and at most len(b), and waits for it if there is
// nothing. Errors: io.EOF, net.ErrClosed, os.ErrDeadlineExceeded, syscall.ECONNRESET,
// ErrDamaged.
func (c *Conn) Read(b []byte) (n int, err error) {
	err = c.in.enter()
	if err == nil {
		n, err = c.read(b)
		c.in.leave()
	}
	if err != nil && err != io.EOF {
		err = c.failed("read", err)
	}
	return n, err
}

func (c *Conn) read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	err = c.awaitData(func() error {
		n, err = c.take(b)
		return err
	})
	return n, err
}

// awaitData repeats take until it returns something else than ring.ErrEmpty, or nothing can
// come any more. The caller holds the lock, which is let go while it waits.
func (c *Conn) awaitData(take func() error) error {
	for {
		if err := take(); err != ring.ErrEmpty {
			return err
		}
		over := c.over() // asked first: what was published before can then be seen
		if over != nil {
			if err := take(); err != ring.ErrEmpty {
				return err
			}
			return over
		}
		c.outside(&c.in, c.sleepForData)
		if err := why(atomic.LoadUint32(&c.in.events)); err != nil {
			return err
		}
	}
}

// over returns why nothing more will be published, if that is so.
func (c *Conn) over() error {
	lost := atomic.LoadUint32(&c.in.events)&gone != 0
	switch {
	case c.memory.Finished():
		return io.EOF
	case lost:
		return errReset
	}
	return nil
}

// sleepForData returns when it is worth while to look again.
func (c *Conn) sleepForData() {
	c.in.sleep(c.memory.ForData, func() bool { return c.memory.In.Ready() || c.memory.Finished() })
}

// take copies what is there; less if the call has to end, as a writer that keeps up lets a large
// read go on without a wait. Errors: ring.ErrEmpty, errBroke.
func (c *Conn) take(b []byte) (n int, err error) {
	freed := false
	for n < len(b) && err == nil {
		if err = c.next(); err == nil {
			m := blockcopy.Copy(b[n:], c.rest)
			n += m
			freed = c.used(m) || freed
			if n < len(b) {
				err = why(atomic.LoadUint32(&c.in.events))
			}
		}
	}
	if n > 0 {
		err = nil
	}
	if freed {
		c.tellWriter()
	}
	return n, err
}

// next makes sure that there is a rest of a record. Errors: as take.
func (c *Conn) next() error {
	if len(c.rest) > 0 {
		return nil
	}
	err := c.memory.In.TryLease(&c.lease)
	switch {
	case err == ring.ErrEmpty:
		return err
	case err != nil:
		return errBroke
	case len(c.lease.Data) == 0: // nobody writes one: they could come for ever
		return errBroke
	}
	c.rest = c.lease.Data
	return nil
}

// used says that n more bytes of the rest have been read, and reports whether that freed
// something.
func (c *Conn) used(n int) bool {
	if c.rest = c.rest[n:]; len(c.rest) > 0 {
		return false
	}
	c.memory.In.Ack(&c.lease)
	c.rest = nil
	return true
}

// tellWriter wakes the other end if it waits for room, and there is enough.
func (c *Conn) tellWriter() {
	if bell := c.memory.TheirRoom; bell.Hung() && c.memory.Roomy() {
		bell.RingHung(c.ringRoom)
	}
}
