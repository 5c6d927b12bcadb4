package shmq

import (
	"errors"
	"io/fs"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/seat"
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
	info, err := describe(q, true)
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
		if dry || len(rec.Dead) == 0 {
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
			rec.Dead = []Recovered{}
		}
	}
	if err := seat.LockRecovery(q); err != nil {
		return err
	}
	defer seat.UnlockRecovery(q)
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
