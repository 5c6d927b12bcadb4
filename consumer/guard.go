package consumer

import "runtime/debug"

// Guard runs f, which may touch the bytes of leases, and makes a fault there an error:
// shmq.ErrTruncated if the file was cut, else shmq.ErrNoSpace. The consumer can only be
// closed then. See shmq.Attachment.Guard.
func (c *Raw) Guard(f func() error) (err error) {
	if !c.guarded {
		if err = f(); c.att.Hit() {
			err = c.lost()
		}
		return err
	}
	return c.inPanics(f)
}

// inPanics is Guard where faults become panics. Calls within f need no guard.
func (c *Raw) inPanics(f func() error) (err error) {
	was, done := debug.SetPanicOnFault(true), false
	c.guarded = false
	defer func() {
		c.guarded = true
		if !done {
			err = c.caught(recover(), was)
		}
	}()
	err = f()
	done = true
	debug.SetPanicOnFault(was)
	return err
}

// guard runs f, which uses the ring, unless the consumer can't be used any more.
func (c *Raw) guard(f func() error) error {
	if c.att.Due() {
		if err := c.attend(); err != nil {
			return err
		}
	}
	return c.Guard(f)
}

// quietly is guard for calls without an error. They are allowed as long as there is a
// ring: what was leased from a queue that was removed can be settled.
func (c *Raw) quietly(f func()) {
	if err := c.Guard(func() error { f(); return nil }); err != nil {
		c.untold = err
	}
}

// caught makes a fault an error. Nothing is done with the ring after that: it may be
// in the middle of anything.
func (c *Raw) caught(panicked any, was bool) error {
	err := c.att.Caught(panicked, was)
	if err == nil {
		return nil // the goroutine ends
	}
	c.ring = nil
	return c.fail(err)
}

// lost ends the use of the consumer after a fault that was handled.
func (c *Raw) lost() error {
	c.ring = nil
	return c.fail(c.att.Lost())
}

// attend is what a call does first when it is due.
func (c *Raw) attend() error {
	err := c.att.Attend()
	if err == nil {
		return nil
	}
	c.untold = nil
	return c.fail(err)
}
