package shmq

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
)

// AttachOptions say how to attach. The zero value, and nil, mean the defaults.
type AttachOptions struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a queue that is absent.
	NoCreate bool
	// Create says what the queue is like if it is made. Default: Options{}.
	Create Options
	// Admit is called when the queue is there, before anything that other participants
	// could notice. Its error refuses the queue, and is what Attach returns. It may be
	// called again, for another queue that has got the name. Default: nil, all are right.
	Admit func() error
	// Prefault makes all of the queue's pages ready, so that the first lap is as
	// fast as the next. It costs some 0.1 ms for each MiB. Default false.
	Prefault bool
	// Lock keeps all of the queue's pages in memory: they are never written to swap
	// space. Where the limit of locked memory (RLIMIT_MEMLOCK) is too small, Attach
	// fails with ErrRefused. Default false.
	Lock bool
	// NoGuard leaves out the guard against faults, which costs a load a call, where
	// there is no handler for them (386, for one) 6 to 8 ns; see docs/guarantees.md. Then a
	// file that is cut under the participant ends the process, with SIGBUS. The guard is
	// off by itself where the file can't be cut and has no huge pages of a pool. Default false.
	NoGuard bool
	// Logger gets what somebody who looks after the queue should know, and no call
	// returns: at level Warn, what was taken back from a participant that died, and
	// that the queue was rebuilt; at level Error, once, that it is damaged. Its handler
	// is called in the middle of a call and must not use the participant. Default: nil,
	// no logging.
	Logger *slog.Logger
}

// Reasons to start attaching again: each holds for an instant only, unless somebody
// stopped in the middle of it.
var (
	// errGone: the name means another file, or none, than the one that was opened.
	errGone = fmt.Errorf("%w while attaching to it; try again", ErrRemoved)
	// errPassing: a role is locked, and no seat tells by whom.
	errPassing = fmt.Errorf("%w by a process that is attaching or detaching just now; try again", ErrRoleTaken)
)

// attachTries bounds how often Attach starts again, a millisecond apart.
const attachTries = 100

// spacePatience is how long one goes on who found no room for a new queue, and spacePause
// the longest time between two tries.
const (
	spacePatience = time.Second
	spacePause    = 50 * time.Millisecond
)

// Attach takes a seat in the queue of that name, and makes the queue first if it is
// absent, unless told otherwise. Errors: ErrRoleTaken with the holder's pid and
// command, ErrNoSeat, ErrNotQueue, ErrVersion, ErrDamaged, ErrName, ErrOption, ErrRefused,
// fs.ErrNotExist, fs.ErrPermission, and what Create returns. opts may be nil.
func Attach(name string, role Role, opts *AttachOptions) (*Attachment, error) {
	if opts == nil {
		opts = &AttachOptions{}
	}
	begun := time.Now()
	for try := 0; ; try++ {
		a, err := attach(name, role, opts)
		if err == nil {
			return a, nil
		}
		if errors.Is(err, ErrNoSpace) && !opts.NoCreate && time.Since(begun) < spacePatience {
			// Somebody who is making this queue just now may have the room, or may have
			// failed because of this one; so they don't try at the same time again.
			time.Sleep(rand.N(spacePause))
			continue
		}
		// A seat may be locked by who recovers it.
		passing := errors.Is(err, errGone) || errors.Is(err, errPassing) || errors.Is(err, ErrNoSeat)
		if !passing || try == attachTries {
			return nil, fail("attach to", name, err)
		}
		time.Sleep(time.Millisecond)
	}
}

func attach(name string, role Role, opts *AttachOptions) (_ *Attachment, err error) {
	at, err := find(name)
	if err != nil {
		return nil, err
	}
	probe, header, err := open(at, true)
	if errors.Is(err, fs.ErrNotExist) && !opts.NoCreate {
		if err := fail("create", name, create(at, &opts.Create)); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		probe, header, err = open(at, true)
		if errors.Is(err, fs.ErrNotExist) {
			err = errGone
		}
	}
	if err != nil {
		return nil, err
	}
	a := &Attachment{name: name, at: at, role: role, header: header, probe: probe, seat: -1, log: opts.Logger}
	attached := false
	defer func() {
		if !attached { // also if a logger panics
			err = errors.Join(err, a.release())
		}
	}()
	if opts.Admit != nil {
		if err := opts.Admit(); err != nil {
			return nil, err
		}
	}
	if err := a.mapRing(); err != nil {
		return nil, err
	}
	if opts.Prefault {
		err := a.Faulted(a.Guard(func() error { return sys.Prefault(a.mem) }))
		if lost := a.lost.Load(); lost != nil {
			return nil, *lost
		}
		if err != nil {
			return nil, fmt.Errorf("prefault: %w; attach without it", err)
		}
	}
	if opts.Lock {
		if err := sys.LockMemory(a.mem); err != nil {
			return nil, err
		}
	}
	// Registered before the first publication, or fencing by itself.
	a.fence = sys.RegisterBarrier() != nil
	a.shrinkable = probe.Shrinkable()
	// A huge page can be punched out of a sealed file, and the pool be used up then.
	if (a.shrinkable || probe.HugePage() != 0) && !opts.NoGuard {
		a.guard()
	}
	if err := a.Guard(a.takePlace); err != nil {
		return nil, err
	}
	a.timer = time.AfterFunc(park.Heartbeat, func() { a.due.Store(true) })
	attached = true
	return a, nil
}

// takePlace takes a place in a queue that is mapped.
func (a *Attachment) takePlace() error {
	if err := a.lockGate(gatePatience); err != nil {
		return err
	}
	rebuilt, err := a.enter()
	if err != nil {
		return err
	}
	if err := a.lockStream(streamPatience); err != nil {
		return err
	}
	dead, err := a.takeLocks()
	if err != nil {
		return err
	}
	if err := a.unlockStream(); err != nil {
		return err
	}
	if err := a.unlockGate(); err != nil {
		return err
	}
	if err := a.stillNamed(); err != nil {
		return err
	}
	// A logger may attach to the queue itself, so it is called when the gate is open.
	a.logRebuilt(rebuilt)
	if dead != nil {
		a.logDead(*dead)
	}
	a.Recover()
	if lost := a.lost.Load(); lost != nil {
		return *lost
	}
	a.looked = time.Now()
	return nil
}

// mapRing maps the file.
func (a *Attachment) mapRing() (err error) {
	a.mem, err = a.probe.Map(int(a.header.TotalSize()), true)
	if errors.Is(err, fs.ErrNotExist) {
		return errGone // its segment was removed since it was opened
	} else if err != nil {
		return err
	}
	a.mapping = a.mem
	a.hit = new(uint32)
	a.ring, err = ring.New(a.mem, a.header.Geometry, sys.MonotonicMillis)
	return err
}

// stillNamed reports errGone unless the queue's name still means this file: a queue
// that was removed before the role was locked would lead nowhere.
func (a *Attachment) stillNamed() error {
	if mine, err := a.at.names(a.probe); err != nil || !mine {
		return errGone
	}
	return nil
}
