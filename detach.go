package shmq

import (
	"errors"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
)

// Detach leaves the queue. The last one to leave a queue with checksums has all of it on
// stable storage before; if that fails, the error wraps ErrSync, and it has left.
//
// Preconditions: what the participant held has been given back, by closing the
// ring's Producer or Consumer: nothing in the ring names the seat. Not so if a fault has
// ended the use of the attachment: then the seat is left as the dead leave theirs, for
// others to take back what it held.
func (a *Attachment) Detach() error {
	a.recovering.Lock()
	defer a.recovering.Unlock()
	if a.mem == nil {
		return fail("detach from", a.name, ErrClosed)
	}
	a.reporting.Lock()
	defer a.reporting.Unlock()
	a.left.Store(true)
	a.due.Store(true)
	a.timer.Stop()
	gate := a.lockGate(leavePatience)
	var err error
	if a.lost.Load() == nil {
		err = a.Guard(func() error {
			a.last = a.report()
			if a.role != Producer {
				a.ring.Seat(a.seat).Clean()
			}
			return nil
		})
	}
	err = errors.Join(err, a.leaveStream(gate == nil))
	switch {
	case gate == nil && a.lost.Load() == nil:
		gate = a.Guard(a.leave)
	case errors.Is(gate, ErrInUse):
		gate = nil // the next one to come finds the stamp of one who was killed
	}
	return fail("detach from", a.name, errors.Join(err, gate, a.release()))
}

// release drops the locks and the mapping, and then tells everyone, who may be
// waiting for a last producer to leave.
func (a *Attachment) release() error {
	var errs []error
	errs = append(errs, a.dropLocks())
	if a.mem != nil {
		if a.ring != nil {
			// Without the page there is nobody to wake.
			_ = touch(a.probe, a.mem, func() error { park.WakeAll(a.ring.DataFutex()); return nil })
		}
		a.syncing.Lock()
		if a.handled {
			sys.UnguardFaults(a.mem)
		}
		errs = append(errs, sys.Unmap(a.mem))
		a.mem = nil
		a.syncing.Unlock()
	}
	errs = append(errs, a.unlockGate())
	return errors.Join(append(errs, a.probe.Close())...)
}
