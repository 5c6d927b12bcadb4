package shmq

import (
	"errors"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// RecoverOptions say how to recover. The zero value, and nil, mean the defaults.
type RecoverOptions struct {
	// DryRun only looks: it tells what would be recovered and changes nothing.
	// What a rebuild would find it tries out on a copy in memory.
	DryRun bool
}

// Recovery tells what Recover found, and what became of it.
type Recovery struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	DryRun bool   `json:"dry_run"`
	// Rebuilt: the machine had stopped, or this is a copy of a queue in use, and a ring
	// was made of what is in the file; in a dry run, would be. Nobody was attached, and
	// Dead is empty: a rebuild frees all seats.
	Rebuilt *Rebuilt      `json:"rebuilt,omitempty"`
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
	Takes  int  `json:"takes_returned"` // takes whose records are delivered again
}

// Recover takes back what dead participants of the queue of that name held, as
// participants do by themselves when they attach or wait: for queues that nobody waits
// at, and for people who want to know. It needs no role and no seat, never touches a
// living participant, however long that is stopped, and wakes sleepers for what they can
// go on with. What a dead single consumer was handed needs no taking back: the next one
// is handed it again. A queue with checksums that was in use when the machine stopped is
// rebuilt, as by who attaches first. It is safe for concurrent use, by several
// processes too, and waits for nobody but who attaches or leaves just now. Errors:
// ErrName, ErrNotQueue, ErrVersion, ErrDamaged, ErrSync, ErrInUse when such a one does not
// come to an end, fs.ErrNotExist, fs.ErrPermission. opts may be nil.
func Recover(name string, opts *RecoverOptions) (*Recovery, error) {
	rec, err := recoverDead(name, opts != nil && opts.DryRun)
	return rec, fail("recover", name, err)
}

func recoverDead(name string, dry bool) (*Recovery, error) {
	info, err := stat(name)
	if err != nil {
		return nil, err
	}
	rec := &Recovery{Name: info.Name, Path: info.Path, DryRun: dry, Dead: []Recovered{}, Alive: []Participant{}}
	if info.Broken {
		if dry {
			at, err := find(name)
			if err != nil {
				return nil, err
			}
			rec.Rebuilt, err = rebuildCopy(at)
			return rec, err
		}
		if err := takeBackAll(name, rec); err != nil {
			return nil, err
		}
		return rec, nil
	}
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
	if err := takeBackAll(name, rec); err != nil {
		return nil, err
	}
	return rec, nil
}

// takeBackAll recovers the dead, as a participant without a role or a seat. In a queue
// with checksums it holds the gate all the while: it could not be seen otherwise.
func takeBackAll(name string, rec *Recovery) (err error) {
	at, err := find(name)
	if err != nil {
		return err
	}
	probe, header, err := open(at, true)
	if err != nil {
		return err
	}
	a := &Attachment{name: name, at: at, header: header, probe: probe, seat: -1}
	defer func() { err = errors.Join(err, a.release()) }()
	if err := a.mapRing(); err != nil {
		return err
	}
	return a.Guard(func() error { return a.takeBackDead(rec) })
}

// takeBackDead is takeBackAll for a queue that is mapped.
func (a *Attachment) takeBackDead(rec *Recovery) error {
	if err := a.lockGate(gatePatience); err != nil {
		return err
	}
	found, err := a.enter()
	if err != nil {
		return err
	}
	if found != nil {
		rec.Rebuilt = &Rebuilt{Records: found.Records, Torn: found.Torn}
		rec.Dead = []Recovered{}
	}
	for i := range rec.Dead {
		if err := a.takeBack(&rec.Dead[i]); err != nil {
			return err
		}
	}
	// Also if nothing was taken back: a turn may be free, or the stream at its end.
	park.WakeAll(a.ring.DataFutex())
	park.WakeAll(a.ring.RoomFutex())
	return a.leave()
}

// takeBack recovers one seat, unless somebody else does, or has taken it meanwhile.
func (a *Attachment) takeBack(d *Recovered) error {
	if d.Seat >= a.header.Seats {
		return nil // the name means another queue by now
	}
	var got ring.Swept
	freed, err := a.recoverSeat(d.Seat, func() {
		// Under the lock nobody changes what is described here.
		d.Participant = participant(a.ring, d.Seat, nil, inspect.NewSurvey(a.ring))
		got = a.reclaim(d.Seat)
	})
	d.Freed, d.Claims, d.Takes = freed, got.Claims, got.Takes
	return err
}
