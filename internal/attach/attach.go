// Package attach has the participant: a place in a queue, held by kernel locks until Detach
// or the end of the process, and the mapping. Packages producer and consumer build on it.
package attach

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/place/memfd"
	"github.com/shmq/shmq/internal/retry"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
)

// Options say how to attach. Packages producer and consumer have the same fields, and
// document them.
type Options struct {
	NoCreate bool
	Create   shmq.Options
	AnyShape bool
	Admit    func() error
	Checksum bool // make it with checksums; one that exists the caller checks
	Prefault bool
	Lock     bool
	NoGuard  bool
	Wait     shmq.WaitPolicy
	Logger   *slog.Logger

	Subscribe seat.Subscribing
}

// dropPatience is how many tries, a millisecond apart, handles that the garbage collector finds
// have to give back their seats.
const dropPatience = 10

// spacePatience is how long a process goes on that found no room for a new queue, and
// spacePause the longest time between two tries.
const (
	spacePatience = time.Second
	spacePause    = 50 * time.Millisecond
)

// To takes a role and a seat in the queue of that name, and makes the queue first if it is
// absent, unless told otherwise. Errors: ErrRoleTaken with the holder's pid and command,
// ErrNoSeat, ErrNotQueue, ErrVersion, ErrDamaged, ErrName, ErrOption, ErrRefused,
// fs.ErrNotExist, fs.ErrPermission, and what shmq.Create returns. opts may be nil.
func To(name string, role shmq.Role, opts *Options) (a *Participant, err error) {
	if opts == nil {
		opts = &Options{}
	}
	if opts.Wait > shmq.Park {
		return nil, fail.In("attach to", name, fmt.Errorf("%w: wait policy %v", fail.ErrOption, opts.Wait))
	}
	begun, dropped := time.Now(), 0
	err = retry.Passing(func() (bool, error) {
		a, err = attach(name, role, opts)
		for errors.Is(err, fail.ErrNoSpace) && !opts.NoCreate && time.Since(begun) < spacePatience {
			// Another process that is making this queue just now may have the room, or may
			// have failed because of this one; so they don't try at the same time again.
			time.Sleep(rand.N(spacePause))
			a, err = attach(name, role, opts)
		}
		// What this process holds may be held by handles that it has dropped without Close.
		// The first run of the collector takes them out of a sync.Pool, the second finds them.
		if mine := (seat.Mine{}); errors.As(err, &mine) && dropped < dropPatience {
			if dropped++; dropped <= 2 {
				runtime.GC()
			}
			return true, err
		}
		// A seat may be locked by a process that recovers it.
		return errors.Is(err, fail.ErrGone) || errors.Is(err, fail.ErrPassing) || errors.Is(err, fail.ErrNoSeat), err
	})
	return a, fail.In("attach to", name, err)
}

// open opens and maps the queue, and makes it first if it is absent and may be made.
func open(name string, opts *Options) (*mapped.Queue, error) {
	q, err := mapped.Find(name)
	if err != nil {
		return nil, err
	}
	err = q.Open(true)
	existed := err == nil
	if errors.Is(err, fs.ErrNotExist) && !opts.NoCreate && !memfd.Is(name) {
		create := opts.Create
		create.Checksum = create.Checksum || opts.Checksum
		if err := shmq.Create(name, &create); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		err = q.Open(true)
		if errors.Is(err, fs.ErrNotExist) {
			err = fail.ErrGone
		}
	}
	if err != nil {
		return nil, err
	}
	if opts.Admit != nil {
		if err := admit(q, opts.Admit); err != nil {
			return nil, err
		}
	}
	check := !opts.AnyShape
	if check {
		if err := checkShape(q, &opts.Create); err != nil {
			return nil, errors.Join(err, q.Close())
		}
	}
	if err = q.Map(true); err == nil && existed && check {
		err = gatherPages(q, &opts.Create)
	}
	if err == nil {
		return q, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fail.ErrGone // its memory was removed since it was opened
	}
	return nil, errors.Join(err, q.Close())
}

// admit closes q if the program's code refuses it, or panics.
func admit(q *mapped.Queue, f func() error) (err error) {
	admitted := false
	defer func() {
		if !admitted {
			err = errors.Join(err, q.Close())
		}
	}()
	err = f()
	admitted = err == nil
	return err
}

func attach(name string, role shmq.Role, opts *Options) (_ *Participant, err error) {
	q, err := open(name, opts)
	if err != nil {
		return nil, err
	}
	if sub := opts.Subscribe; role == shmq.Consumer && !q.Header.Each && sub != (seat.Subscribing{}) {
		err := fmt.Errorf("%w: its consumers share the records, so there is no subscription to make; make it with Consumers: Each (--consumers each)", fail.ErrOption)
		return nil, errors.Join(err, q.Close())
	}
	a := &Participant{q: q, ring: q.Ring, role: role, subscribing: opts.Subscribe, hit: new(uint32), wait: park.Policy(opts.Wait), log: opts.Logger}
	attached := false
	defer func() {
		if !attached { // also if a logger panics
			a.unmake()
			err = errors.Join(err, a.release())
		}
	}()
	if opts.Prefault {
		err := a.Faulted(a.Guard(func() error { return sys.Prefault(q.Mem) }))
		if lost := a.lost.Load(); lost != nil {
			return nil, *lost
		}
		if err != nil {
			return nil, fmt.Errorf("prefault: %w; attach without it", err)
		}
	}
	if opts.Lock {
		if err := sys.LockMemory(q.Mem); err != nil {
			return nil, err
		}
	}
	// Registered before the first publication, or fencing by itself.
	a.fence = sys.RegisterBarrier() != nil
	a.shrinkable = q.Shrinkable()
	// A huge page can be punched out of a sealed file, and the pool be used up then.
	if (a.shrinkable || q.File.HugePage() != 0) && !opts.NoGuard {
		a.guard()
	}
	if err := a.Guard(a.enter); err != nil {
		return nil, err
	}
	a.timer = time.AfterFunc(park.Heartbeat, a.alert)
	attached = true
	return a, nil
}

// enter takes the role and a seat, behind the gate.
func (a *Participant) enter() error {
	var err error
	if a.atGate, err = gate.Lock(a.q); err != nil {
		return err
	}
	var rebuilt *ring.Rebuilt
	if a.atGate {
		if rebuilt, err = gate.Enter(a.q); err != nil {
			return err
		}
	}
	if err := a.lockStream(streamPatience); err != nil {
		return err
	}
	held, dead, err := seat.Take(a.q, seat.Role(a.role), a.subscribing, a.join)
	if err != nil { // the role was dropped before the lock of streams: one that leaves finds nobody
		return errors.Join(err, a.unlockStream())
	}
	a.held = held
	if err := a.unlockStream(); err != nil {
		return err
	}
	if a.atGate {
		if a.atGate, err = false, gate.Unlock(a.q); err != nil {
			return err
		}
	}
	// A queue that was removed before the role was locked would lead nowhere.
	if same, err := a.q.At.Names(a.q.Handle); err == nil && !same {
		return fail.ErrGone
	}
	// A logger may attach to the queue itself, so it is called when the gate is open.
	a.logRebuilt(rebuilt)
	if dead != nil {
		a.logDead(dead)
	}
	a.Recover()
	if lost := a.lost.Load(); lost != nil {
		return *lost
	}
	a.lastBeat = time.Now()
	return nil
}

// join is called when the role is locked, with the description that has the lock.
func (a *Participant) join(mine *sys.File) error {
	if !a.atGate {
		if closed, err := gate.Closed(a.q); err != nil || closed {
			return cmp.Or(err, fail.ErrPassing) // an incarnation begins just now
		}
	}
	return a.joinStream(mine)
}
