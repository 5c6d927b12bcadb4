package seat

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Held is a role and a seat that this process holds, until Drop or its end.
type Held struct {
	Number int   // of the seat
	Since  int64 // Unix nanoseconds, as the seat's entry has it
	Entry  int   // of the subscription, -1 for none

	entryByte int64 // that is locked for it
	made      bool  // the subscription is durable, and was made by this holder
	// pin holds the description that has the locks. It has no descriptor for a forked
	// child to inherit, so that the locks end with this process and not with its children.
	// Questions go through the queue's own description, to which these locks are those of
	// another.
	pin *sys.Pin
}

// beforeTake is for tests: what happens before a role is taken.
var beforeTake = func() {}

// Take takes the role and a seat, through a description of their own. If the seat's last
// holder died, it recovers that one first, and returns what it found. join is called between
// the two, with the description that has the role's lock. Where each consumer gets every record
// a consumer gets a subscription, as sub says. Errors: ErrRoleTaken,
// ErrNoSeat, ErrGone, ErrPassing.
func Take(q *mapped.Queue, role Role, sub Subscribing, join func(mine *sys.File) error) (_ *Held, dead *Dead, err error) {
	beforeTake()
	h := &Held{Number: -1, Entry: -1}
	defer func() {
		if err != nil {
			h.Unmake(q)
			err = errors.Join(err, h.Drop())
		}
	}()
	// While the description has a descriptor no child is forked: it would share the
	// locks, until it executes a program or ends.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	lock, err := q.File.Reopen()
	if err != nil {
		return nil, nil, err
	}
	if h.pin, err = lock.Pin(); err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, h.pin.Hide()) }()
	if err := takeRole(q, role, lock); err != nil {
		return nil, nil, err
	}
	if err := join(lock); err != nil {
		return nil, nil, err
	}
	if err := LockRecovery(q); err != nil { // the seat's last holder may have died
		return nil, nil, err
	}
	defer UnlockRecovery(q)
	if dead, err = h.takeSeat(q, role, lock); err == nil && q.Header.Each && role == layout.RoleConsumer {
		if err = h.subscribe(q, lock, sub); err != nil {
			q.Ring.Seat(h.Number).Clean() // or others would take it for a dead one's
		}
	}
	return h, dead, err
}

// takeRole locks the role's byte: exclusively where one may have the role, shared where
// many may. Either way any process can ask the kernel if the role is held at all.
func takeRole(q *mapped.Queue, role Role, lock *sys.File) error {
	b, many := int64(layout.LockProducer), q.Header.ManyProducers
	if role == layout.RoleConsumer {
		b, many = layout.LockConsumer, q.Header.ManyConsumers || q.Header.Each
	}
	ok, err := lock.TryLock(b, !many)
	if err != nil || ok {
		return err
	}
	if many {
		return fail.ErrGone // only a process that removes the queue excludes the many
	}
	holder, found := single(q, role)
	if !found {
		return fail.ErrPassing
	}
	if holder.PID == uint32(os.Getpid()) && holder.StartTime == sys.StartTime() {
		return Mine{fmt.Errorf("%w: the queue has a single %v, which is this process itself, pid %d; close that one, or make a queue for many %vs", fail.ErrRoleTaken, role, holder.PID, role)}
	}
	return fmt.Errorf("%w: the queue has a single %v, pid %d (%s); wait until it ends, or make a queue for many %vs", fail.ErrRoleTaken, role, holder.PID, holder.Command, role)
}

// takeSeat locks the first seat that is free, recovers its last holder if that died, and
// describes this process in it.
func (h *Held) takeSeat(q *mapped.Queue, role Role, lock *sys.File) (dead *Dead, err error) {
	for i := range q.Header.Seats {
		ok, err := lock.TryLock(Byte(i), true)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		h.Number = i
		s := q.Ring.Seat(i)
		if s.Dirty() {
			found := sweep(q, i)
			dead = &found
			s.Clean() // it names no process until it names this one
		}
		h.Since = time.Now().UnixNano()
		s.Take(ring.Occupant{
			Role:      uint32(role),
			PID:       uint32(os.Getpid()),
			UID:       uint32(os.Getuid()),
			StartTime: sys.StartTime(),
			Attached:  h.Since,
			Command:   command(),
		})
		return dead, nil
	}
	return nil, noSeat(q)
}

// command names this process for people. A library in a program of another language may
// have no arguments.
func command() string {
	if len(os.Args) > 0 && os.Args[0] != "" {
		return filepath.Base(os.Args[0])
	}
	exe, err := os.Executable()
	if err != nil {
		return "?"
	}
	return filepath.Base(exe)
}

// Unmake ends the durable subscription if this holder has made it: for an Open that fails afterwards,
// and would leave one that nobody has asked for again, and that producers wait for. Producers are woken
// by what follows the Drop.
//
// Preconditions: as RecoverAll, before Drop.
func (h *Held) Unmake(q *mapped.Queue) {
	if h != nil && h.made && h.pin != nil {
		q.Ring.Subscription(h.Entry).Clear()
		h.made = false
	}
}

// Drop drops the role and the seat. A second time it does nothing.
func (h *Held) Drop() error {
	if h == nil || h.pin == nil {
		return nil
	}
	locked := []int64{layout.LockProducer, layout.LockConsumer}
	if h.Number >= 0 {
		locked = append(locked, Byte(h.Number))
	}
	if h.Entry >= 0 {
		locked = append(locked, h.entryByte)
	}
	err := h.pin.Release(locked...)
	h.pin = nil
	return err
}
