package producer

import "runtime/debug"

// Guard runs f, which may touch what Reserve returned, and makes a fault there an error:
// shmq.ErrTruncated if the file was cut, else shmq.ErrNoSpace. The producer can only be
// closed then. See shmq.Attachment.Guard.
func (p *Raw) Guard(f func() error) (err error) {
	if !p.guarded {
		if err = f(); p.att.Hit() {
			err = p.lost()
		}
		return err
	}
	return p.inPanics(f)
}

// inPanics is Guard where faults become panics. Calls within f need no guard.
func (p *Raw) inPanics(f func() error) (err error) {
	was, done := debug.SetPanicOnFault(true), false
	p.guarded = false
	defer func() {
		p.guarded = true
		if !done {
			err = p.caught(recover(), was)
		}
	}()
	err = f()
	done = true
	debug.SetPanicOnFault(was)
	return err
}

// guard runs f, which uses the ring, unless the producer can't be used any more.
func (p *Raw) guard(f func() error) error {
	if p.att.Due() {
		if err := p.attend(); err != nil {
			return err
		}
	}
	return p.Guard(f)
}

// quietly is guard for calls without an error. They need not learn of a removal.
func (p *Raw) quietly(f func()) {
	if err := p.Guard(func() error { f(); return nil }); err != nil {
		p.untold = err
	}
}

// caught makes a fault an error. Nothing is done with the ring after that: it may be
// in the middle of anything.
func (p *Raw) caught(panicked any, was bool) error {
	err := p.att.Caught(panicked, was)
	if err == nil {
		return nil // the goroutine ends
	}
	p.ring = nil
	return p.fail(err)
}

// lost ends the use of the producer after a fault that was handled.
func (p *Raw) lost() error {
	p.ring = nil
	return p.fail(p.att.Lost())
}

// attend is what a call does first when it is due. A producer of a queue that was
// removed gives back what it has reserved, for consumers to get what lies behind it.
func (p *Raw) attend() error {
	err := p.att.Attend()
	if err == nil {
		return nil
	}
	p.untold = nil
	if p.ring != nil {
		p.Abort()
	}
	return p.fail(err)
}
