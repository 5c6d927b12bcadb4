package attach

import (
	"errors"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
)

// Detach leaves the queue. The last one to leave a queue with checksums has all of it on
// stable storage before; if that fails, the error wraps ErrSync, and it has left.
//
// Preconditions: what the participant held has been given back, by closing the
// ring's Producer or Consumer: nothing in the ring names the seat. Not so if a fault has
// ended the use of the participant: then the seat is left as the dead leave theirs, for
// others to recover.
func (a *Participant) Detach() error {
	a.recovering.Lock()
	defer a.recovering.Unlock()
	if a.q.Closed() {
		return fail.In("detach from", a.q.Name, fail.ErrClosed)
	}
	a.reporting.Lock()
	defer a.reporting.Unlock()
	a.leave()
	a.timer.Stop()
	var err, gateErr error
	a.atGate, gateErr = gate.LockToLeave(a.q)
	if a.lost.Load() == nil {
		err = a.Guard(func() error {
			a.last = a.report()
			if a.role != shmq.Producer {
				if i := a.held.Entry; i >= 0 && !a.ring.Subscription(i).Kept() {
					a.ring.Subscription(i).Clear()
				}
				a.ring.Seat(a.held.Number).Clean()
			}
			return nil
		})
	}
	err = errors.Join(err, a.leaveStream(gateErr == nil))
	switch {
	case gateErr == nil && a.lost.Load() == nil:
		gateErr = a.Guard(func() error { return gate.Leave(a.q, a.Sync) })
	case errors.Is(gateErr, fail.ErrInUse):
		gateErr = nil // the next one to come finds the stamp of one that was killed
	}
	return fail.In("detach from", a.q.Name, errors.Join(err, gateErr, a.release()))
}

// Discard is Detach for an Open that fails: a durable subscription that it has made goes with it.
func (a *Participant) Discard() error {
	a.unmake()
	return a.Detach()
}

// unmake ends the durable subscription that this participant has made. Without the page nobody has it.
func (a *Participant) unmake() {
	_ = a.q.Touch(func() error { a.held.Unmake(a.q); return nil })
}

// release drops the role and the seat, wakes consumers, which may be waiting for a last
// producer to leave, and producers, which may be waiting for room, or the turn, that was this
// one's, and ends the mapping.
func (a *Participant) release() error {
	err := a.held.Drop()
	// Without the page there is nobody to wake, nor where another queue is.
	_ = a.unlessLost(func() error {
		park.WakeAll(a.ring.DataFutex())
		if (a.role == shmq.Producer || a.q.Header.Each) && park.Armed(a.ring.RoomFutex()) {
			park.WakeAll(a.ring.RoomFutex())
		}
		return nil
	})
	a.syncing.Lock()
	defer a.syncing.Unlock()
	if a.handled {
		sys.UnguardFaults(a.q.Mem)
	}
	if a.atGate {
		err = errors.Join(err, gate.Unlock(a.q))
	}
	return errors.Join(err, a.q.Close())
}
