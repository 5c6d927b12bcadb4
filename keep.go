package shmq

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/memfd"
	"github.com/shmq/shmq/internal/retry"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// RecoverOptions say how to recover. The zero value, and nil, mean the defaults.
type RecoverOptions struct {
	// DryRun tells what would be recovered, and changes nothing.
	// A rebuild is tried out on a copy in memory.
	DryRun bool
}

// Recovery tells what Recover found, and what became of it.
type Recovery struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	DryRun bool   `json:"dry_run"`
	// Rebuilt: the machine had stopped, or this is a copy of a queue in use, and a ring
	// was made of what is in the file; in a dry run, would be. No participant was attached, and
	// Dead is empty: a rebuild frees all seats.
	Rebuilt *ring.Rebuilt `json:"rebuilt,omitempty"`
	Dead    []Recovered   `json:"dead"`
	Alive   []Participant `json:"alive"` // left alone, stopped ones too
	// Ended is how many subscriptions of dead consumers were ended, or would be. Durable
	// ones stay.
	Ended int `json:"subscriptions_ended,omitempty"`
}

// Recovered is a dead participant: what it held when it was found, and what was done.
type Recovered struct {
	Participant
	// Freed: its seat was freed, after all that it held was taken back. False in a
	// dry run, and when another process is doing that just now, or has done it.
	Freed  bool `json:"freed"`
	Claims int  `json:"claims_skipped"` // unpublished claims that became skipped slots
	// Returned is how many records are delivered again. (Records is what it had counted.)
	Returned int `json:"records_returned"`
}

// Recover recovers the dead participants of the queue of that name, as participants do when
// they attach or wait: their unpublished claims become skipped slots, their unacknowledged
// records are delivered again, their seats are free. It is for queues at which no participant
// waits, and for people that want to know. It needs no role and no seat, never touches a
// living participant, however long that is stopped, and wakes sleepers for what they can
// go on with. Records that a dead single consumer was handed need no recovery: the next one
// is handed them again. A queue with checksums that was in use when the machine stopped is
// rebuilt, as by the first participant that attaches. It is safe for concurrent use, by
// several processes too, and waits only for processes that are attaching or leaving. Errors:
// ErrName, ErrNotQueue, ErrVersion, ErrDamaged, ErrSync, ErrInUse when such a process does
// not come to an end, fs.ErrNotExist, fs.ErrPermission. opts may be nil.
func Recover(name string, opts *RecoverOptions) (*Recovery, error) {
	rec, err := recoverDead(name, opts != nil && opts.DryRun)
	return rec, fail.In("recover", name, err)
}

func recoverDead(name string, dry bool) (_ *Recovery, err error) {
	q, err := mapped.Open(name, !dry)
	var denied error
	if !dry && errors.Is(err, fs.ErrPermission) { // which does not matter if no participant is dead
		denied = err
		q, err = mapped.Open(name, false)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	info, err := describe(q, sys.NewProcesses(), true)
	if err != nil {
		return nil, err
	}
	rec := &Recovery{Name: info.Name, Path: info.Path, DryRun: dry, Dead: []Recovered{}, Alive: []Participant{}}
	if info.Broken && dry {
		found, err := gate.Rehearse(q)
		if err != nil {
			return nil, err
		}
		rec.Rebuilt = &found
		return rec, nil
	}
	if !info.Broken {
		for _, p := range info.Participants {
			if p.Alive {
				rec.Alive = append(rec.Alive, p)
			} else {
				rec.Dead = append(rec.Dead, Recovered{Participant: p})
			}
		}
		if err := q.Touch(func() error { rec.Ended = seat.DeadSubscriptions(q); return nil }); err != nil {
			return nil, err
		}
		if dry || len(rec.Dead)+rec.Ended == 0 {
			return rec, nil
		}
	}
	if denied != nil {
		return nil, denied
	}
	if err := q.Touch(func() error { return rec.carryOut(q) }); err != nil {
		return nil, err // and closing drops the gate
	}
	return rec, nil
}

// carryOut recovers the dead participants. In a queue with checksums it holds the gate all the
// while: it has no role, and could not be seen otherwise.
func (rec *Recovery) carryOut(q *mapped.Queue) error {
	if q.Header.Checksum {
		if _, err := gate.Lock(q); err != nil {
			return err
		}
		found, err := gate.Enter(q)
		if err != nil {
			return err
		}
		if found != nil {
			rec.Rebuilt = found
			rec.Dead, rec.Ended = []Recovered{}, 0
		}
	}
	if err := seat.LockRecovery(q); err != nil {
		return err
	}
	defer seat.UnlockRecovery(q)
	if rec.Rebuilt == nil {
		rec.Ended = seat.ClearAll(q) // before the seats, with which they would go
	}
	for i := range rec.Dead {
		if err := rec.Dead[i].carryOut(q); err != nil {
			return err
		}
	}
	// Also if the sweep found nothing: a turn may be free, or the stream at its end.
	seat.WakeEverybody(q)
	if err := gate.Leave(q, func() error { return gate.NotSynced(q, gate.Sync(q)) }); err != nil {
		return err
	}
	if q.Header.Checksum {
		return gate.Unlock(q)
	}
	return nil
}

// carryOut recovers one seat, unless another process does, or has taken it meanwhile.
func (d *Recovered) carryOut(q *mapped.Queue) error {
	dead, err := seat.Recover(q, d.Seat, func() {
		// Under the lock no other process changes the seat that is described here.
		d.Participant = describeSeat(q.Ring, d.Seat, nil, inspect.NewSurvey(q.Ring))
	})
	if dead != nil {
		d.Freed, d.Claims, d.Returned = true, dead.Found.Claims, dead.Found.Records
	}
	return err
}

// Remove removes the queue of that name, with the records in it, and durable subscriptions
// that no process has. It refuses with
// ErrInUse while a participant is attached, and with ErrNotQueue, ErrVersion or ErrDamaged
// a file that it does not recognise, with ErrRefused a segment of another IPC namespace.
// Other errors: ErrName, fs.ErrNotExist, fs.ErrPermission, and the first one that a check
// returns: the checks are called when no participant is attached and none can attach any
// more until Remove returns, so what they find out about the queue stays true.
func Remove(name string, checks ...func() error) error {
	return fail.In("remove", name, retry.Passing(func() (bool, error) {
		err := remove(name, false, checks)
		return passing(err), err
	}))
}

// passing reports whether an error is about another process that is in the middle of a
// step; ErrGone is that of a name that had just changed hands.
func passing(err error) bool { return errors.Is(err, fail.ErrBusy) || errors.Is(err, fail.ErrGone) }

// ForceRemove removes the queue even if it is in use, damaged, or of another layout
// version, as long as it starts like a queue. For those attached it comes to its end,
// within a heartbeat or two: producers get ErrRemoved, consumers first what is left in it.
// The memory is free when the last of them has closed.
func ForceRemove(name string) error {
	return fail.In("remove", name, retry.Passing(func() (bool, error) {
		err := remove(name, true, nil)
		return errors.Is(err, fail.ErrGone), err
	}))
}

func remove(name string, force bool, checks []func() error) (err error) {
	if memfd.Is(name) {
		return memfd.ErrRemove
	}
	q, err := mapped.Find(name)
	if err != nil {
		return err
	}
	if err := q.Open(true); err != nil {
		return q.At.Discard(err, force)
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if !force {
		// Held exclusively until the name is gone, so no process attaches meanwhile.
		locks := []int64{layout.LockProducer, layout.LockConsumer}
		if q.Header.Checksum {
			locks = append([]int64{layout.LockImage}, locks...) // a process that rebuilds has no role yet
		}
		for _, b := range locks {
			ok, err := q.File.TryLock(b, true)
			if err != nil {
				return err
			}
			if !ok {
				return inUse(q)
			}
			// Closing may not drop it: a child that this process is starting just
			// now shares the description.
			defer q.File.Unlock(b)
		}
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return place.Remove(q.At, q.Handle)
}

// inUse names the living participants.
func inUse(q *mapped.Queue) error {
	if err := q.Map(false); err != nil {
		return errors.Join(ErrInUse, err)
	}
	var names []string
	if err := q.Touch(func() error { names = seat.Living(q, 0); return nil }); err != nil {
		return errors.Join(ErrInUse, err)
	}
	if len(names) == 0 {
		return fail.ErrBusy
	}
	return fmt.Errorf("%w by %s; end them, or remove it by force", ErrInUse, strings.Join(names, ", "))
}

// Sync returns when all that is in the queue of that name at this moment, from all
// participants, is on stable storage. It needs neither a role nor a seat. In a filesystem in
// memory it does nothing. Errors: ErrSync, and those of Stat.
func Sync(name string) error {
	q, err := mapped.Open(name, true)
	if err == nil {
		err = gate.NotSynced(q, q.Touch(func() error { return gate.Sync(q) }))
		err = errors.Join(err, q.Close())
	}
	return fail.In("sync", name, err)
}
