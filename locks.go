package shmq

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// beforeLocks is for tests: what happens before a role is taken.
var beforeLocks = func() {}

// takeLocks takes the role and a seat, through a description of their own. It returns
// what the seat's last holder left, if it died.
func (a *Attachment) takeLocks() (dead *remains, err error) {
	beforeLocks()
	// While the description has a descriptor no child is forked: it would share the
	// locks, until it executes a program or ends.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	lock, err := a.probe.Reopen()
	if err != nil {
		return nil, err
	}
	if a.pin, err = lock.Pin(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.pin.Hide()) }()
	if err := a.takeRole(lock); err != nil {
		return nil, err
	}
	if a.role == Producer {
		if err := a.joinStream(lock); err != nil {
			return nil, err
		}
	}
	if err := a.lockRecovery(); err != nil { // the seat may be a dead one's
		return nil, err
	}
	defer a.unlockRecovery()
	return a.takeSeat(lock)
}

// takeRole locks the role's byte: exclusively where one may have the role, shared
// where many may. Either way anyone can ask the kernel if the role is held at all.
func (a *Attachment) takeRole(lock *sys.File) error {
	byte, side := int64(layout.LockProducer), a.Producers()
	if a.role == Consumer {
		byte, side = layout.LockConsumer, a.Consumers()
	}
	ok, err := lock.TryLock(byte, side == One)
	if err != nil || ok {
		return err
	}
	if side == Many {
		return errGone // only who removes the queue excludes the many
	}
	holder := a.holder()
	if holder == "" {
		return errPassing
	}
	return fmt.Errorf("%w: the queue has a single %s, %s; wait until it ends, or make a queue for many %ss", ErrRoleTaken, a.role, holder, a.role)
}

// holder names the process that has this attachment's role, if its seat says so.
func (a *Attachment) holder() string {
	for i := range a.header.Seats {
		s := a.ring.Seat(i)
		if o := s.Occupant(); s.Dirty() && o.Role == uint32(a.role) && a.alive(i) {
			return fmt.Sprintf("pid %d (%s)", o.PID, o.Command)
		}
	}
	return ""
}

// takeSeat locks the first seat that is free, cleans up what its last holder left, which
// it returns, and describes this process in it.
func (a *Attachment) takeSeat(lock *sys.File) (dead *remains, err error) {
	for i := range a.header.Seats {
		ok, err := lock.TryLock(seatByte(i), true)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		a.seat = i
		seat := a.ring.Seat(i)
		if seat.Dirty() {
			left := a.bury(i)
			dead = &left
			seat.Clean() // it names nobody until it names this process
		}
		seat.Take(ring.Occupant{
			Role:      uint32(a.role),
			PID:       uint32(os.Getpid()),
			UID:       uint32(os.Getuid()),
			StartTime: sys.StartTime(),
			Attached:  time.Now().UnixNano(),
			Command:   filepath.Base(os.Args[0]),
		})
		return dead, nil
	}
	return nil, fmt.Errorf("%w: %d participants are attached; end some, or make a queue with more seats", ErrNoSeat, a.header.Seats)
}

func seatByte(i int) int64 { return layout.SeatOffset + int64(i)*layout.SeatSize }

// dropLocks drops the role and the seat.
func (a *Attachment) dropLocks() error {
	if a.pin == nil {
		return nil
	}
	locked := []int64{layout.LockProducer, layout.LockConsumer}
	if a.seat >= 0 {
		locked = append(locked, seatByte(a.seat))
	}
	err := a.pin.Release(locked...)
	a.pin = nil
	return err
}
