package shmq

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Role is what a participant does in a queue.
type Role uint8

// The roles.
const (
	Producer Role = layout.RoleProducer
	Consumer Role = layout.RoleConsumer
)

func (r Role) String() string {
	switch r {
	case Producer:
		return "producer"
	case Consumer:
		return "consumer"
	}
	return "unknown"
}

// MarshalText returns "producer" or "consumer".
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// AttachOptions say how to attach. The zero value, and nil, mean the defaults.
type AttachOptions struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a queue that is absent.
	NoCreate bool
	// Create says what the queue is like if it is made. Default: Options{}.
	Create Options
	// Prefault makes all of the queue's pages ready, so that the first lap is as
	// fast as the next. It costs some 0.1 ms for each MiB. Default false.
	Prefault bool
	// Lock keeps all of the queue's pages in memory: they are never written to swap
	// space. Where the limit of locked memory (RLIMIT_MEMLOCK) is too small, Attach
	// fails with ErrRefused. Default false.
	Lock bool
	// NoGuard leaves out the guard against faults, which costs 5 to 6 ns a call. Then a
	// file that is cut under the participant ends the process, with SIGBUS. The guard is
	// off by itself where the file can't be cut and has no huge pages of a pool. Default false.
	NoGuard bool
	// Logger gets what somebody who looks after the queue should know, and no call
	// returns: at level Warn, what was taken back from a participant that died; at
	// level Error, once, that the queue is damaged. Its handler is called in the
	// middle of a call and must not use the participant. Default: nil, no logging.
	Logger *slog.Logger
}

// Attachment is a place in a queue: a seat, held by a kernel lock until Detach or
// the end of the process, and the mapping. Packages producer and consumer build on
// it; few programs need it themselves. Its methods are safe for concurrent use
// unless they say otherwise; Detach must come last.
type Attachment struct {
	name   string
	at     place
	role   Role
	header layout.Header
	ring   *ring.Ring
	seat   int
	fence  bool

	mem     []byte // nil after Detach
	mapping []byte // the same, for good
	// pin holds the description that has this attachment's locks. It has no
	// descriptor for a forked child to inherit, so that the locks end with this
	// process and not with its children.
	pin *sys.Pin
	// probe is for questions, to the other description its own locks look free, and
	// for locks that are held for an instant.
	probe *sys.File

	// See guard.go.
	guarded, shrinkable bool
	lost                atomic.Pointer[error]

	// See look.go.
	due     atomic.Bool
	left    atomic.Bool // after Detach
	timer   *time.Timer // sets due
	removed time.Time   // when it was seen that the queue was removed

	syncing sync.Mutex // between Sync and the end of the mapping
	unsure  bool       // a Sync failed, and not all pages count as changed since

	recovering sync.Mutex // two goroutines with one description would share locks
	looked     time.Time
	misses     uint

	log          *slog.Logger
	damageLogged bool

	reporting sync.Mutex // between Report, which reads the mapping, and Detach
	last      Counters   // after Detach
}

// Reasons to start attaching again: each holds for an instant only, unless somebody
// stopped in the middle of it.
var (
	// errGone: the name means another file, or none, than the one that was opened.
	errGone = errors.New("queue was removed while attaching to it; try again")
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
	defer func() {
		if err != nil {
			err = errors.Join(err, a.release())
		}
	}()
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
	a.guarded = (a.shrinkable || probe.HugePage() != 0) && !opts.NoGuard
	if err := a.Guard(a.takePlace); err != nil {
		return nil, err
	}
	a.timer = time.AfterFunc(park.Heartbeat, func() { a.due.Store(true) })
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
	dead, err := a.takeLocks()
	if err != nil {
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
	if a.role == Producer {
		a.ring.BeginStream()
	}
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
	a.ring, err = ring.New(a.mem, a.header.Geometry, sys.MonotonicMillis)
	return err
}

// takeLocks takes the role and a seat, through a description of their own. It returns
// what the seat's last holder left, if it died.
func (a *Attachment) takeLocks() (dead *remains, err error) {
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
	return a.takeSeat(lock)
}

// stillNamed reports errGone unless the queue's name still means this file: a queue
// that was removed before the role was locked would lead nowhere.
func (a *Attachment) stillNamed() error {
	if mine, err := a.at.names(a.probe); err != nil || !mine {
		return errGone
	}
	return nil
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
			a.ring.Seat(a.seat).Clean()
			return nil
		})
	}
	err = errors.Join(err, a.dropLocks())
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
		errs = append(errs, sys.Unmap(a.mem))
		a.mem = nil
		a.syncing.Unlock()
	}
	errs = append(errs, a.unlockGate())
	return errors.Join(append(errs, a.probe.Close())...)
}

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

// Name returns the queue's name as it was given to Attach.
func (a *Attachment) Name() string { return a.name }

// Ring returns the ring, for this attachment's producer or consumer.
func (a *Attachment) Ring() *ring.Ring { return a.ring }

// Seat returns the number of the seat.
func (a *Attachment) Seat() int { return a.seat }

// Counters returns the seat's counters, for its holder to write.
func (a *Attachment) Counters() *ring.Counters { return a.ring.Seat(a.seat).Counters() }

// MustFence reports whether this process has to execute a full fence between a
// publication and its look at the futex word, because the kernel does not let it
// register for the barrier that sleepers issue.
func (a *Attachment) MustFence() bool { return a.fence }

// Producers returns how many producers the queue may have.
func (a *Attachment) Producers() Side { return side(a.header.ManyProducers) }

// Consumers returns how many consumers the queue may have.
func (a *Attachment) Consumers() Side { return side(a.header.ManyConsumers) }

// Checksum reports whether the queue's records have checksums.
func (a *Attachment) Checksum() bool { return a.header.Checksum }

// SlotSize returns the largest payload in bytes that takes a single slot.
func (a *Attachment) SlotSize() int { return int(a.header.AreaSize) }

// MaxRecord returns the largest payload in bytes.
func (a *Attachment) MaxRecord() int { return a.header.MaxRecord() }

// ProducerAttached asks the kernel whether any producer is attached.
func (a *Attachment) ProducerAttached() (bool, error) {
	held, err := a.probe.Locked(layout.LockProducer)
	return held, fail("ask for producers of", a.name, err)
}

func side(many bool) Side {
	if many {
		return Many
	}
	return One
}
