package shmq

import (
	"errors"

	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/ring"
)

// RecoverOptions say how to recover. The zero value, and nil, mean the defaults.
type RecoverOptions struct {
	// DryRun only looks: it tells what would be recovered and changes nothing.
	DryRun bool
}

// Recovery tells what Recover found, and what became of it.
type Recovery struct {
	Name   string        `json:"name"`
	Path   string        `json:"path"`
	DryRun bool          `json:"dry_run"`
	Dead   []Recovered   `json:"dead"`
	Alive  []Participant `json:"alive"` // left alone, stopped ones too
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
// is handed it again. It does not wait, and is safe for concurrent use, by several
// processes too. Errors: ErrName, ErrNotQueue, ErrVersion, ErrDamaged, fs.ErrNotExist,
// fs.ErrPermission. opts may be nil.
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
	if err := takeBackAll(name, rec.Dead); err != nil {
		return nil, err
	}
	return rec, nil
}

// takeBackAll recovers the dead, as a participant without a role or a seat.
func takeBackAll(name string, dead []Recovered) (err error) {
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
	return a.Guard(func() error {
		for i := range dead {
			if err := a.takeBack(&dead[i]); err != nil {
				return err
			}
		}
		// Also if nothing was taken back: a turn may be free, or the stream at its end.
		park.WakeAll(a.ring.DataFutex())
		park.WakeAll(a.ring.RoomFutex())
		return nil
	})
}

// takeBack recovers one seat, unless somebody else does, or has taken it meanwhile.
func (a *Attachment) takeBack(d *Recovered) error {
	if d.Seat >= a.header.Seats {
		return nil // the name means another queue by now
	}
	var got ring.Reclaimed
	freed, err := a.recoverSeat(d.Seat, func() {
		// Under the lock nobody changes what is described here.
		d.Participant = participant(a.ring, d.Seat, false, a.ring.Survey())
		got = a.reclaim(d.Seat)
	})
	d.Freed, d.Claims, d.Takes = freed, got.Claims, got.Takes
	return err
}
