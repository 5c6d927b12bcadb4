package shmq

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	// Damage: no participant writes this, at no instant.
	Damage Severity = "damage"
	// Maybe: it looks like damage, and was the same at every look; but participants
	// are at work, and it rests on words that may come and go.
	Maybe Severity = "maybe"
	// Note: the queue is in order, and an operator may want to know.
	Note Severity = "note"
)

// Finding is one thing that Check found.
type Finding struct {
	Severity Severity `json:"severity"`
	// Kind is a short name: "file" or "header", one of "positions", "stream" and "turn"
	// for the hot words, one of "state", "span", "lap", "hole", "inner", "owner",
	// "length" and "checksum" for slots, "seat", "subscription", or for notes "dead", "lock" and
	// "rebuild".
	Kind string `json:"kind"`
	// Offset is where it stands in the file.
	Offset int64 `json:"offset"`
	// Slot and Position are nil where it is not about a slot, Seat where it is not
	// about a seat. A word that speaks of no position has none either.
	Slot     *int    `json:"slot,omitempty"`
	Position *uint64 `json:"position,omitempty"`
	Seat     *int    `json:"seat,omitempty"`
	Found    string  `json:"found"`
	Expected string  `json:"expected"`
	Means    string  `json:"means"` // to programs that use the queue
	Remedy   string  `json:"remedy"`
}

// Diagnosis is what Check found.
type Diagnosis struct {
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Size     int64     `json:"size_bytes"`
	Alive    int       `json:"alive"` // participants
	Dead     int       `json:"dead"`
	Findings []Finding `json:"findings"`
	// More is how many findings are not listed: a ring full of scribble has one a slot.
	More int `json:"more"`
}

// Damaged reports whether there is damage beyond doubt.
func (d *Diagnosis) Damaged() bool {
	return slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.Severity == Damage })
}

// pauses are those before the ring is examined again, while something may be damage. What
// is in order the first time is told at once.
var pauses = []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}

// Check explains what is wrong with the queue of that name, or with the file in its
// place. It only reads: it takes no seat and no lock, and participants may be at work:
// what they leave in passing, or at their death, is not damage. Where something looks like
// it, Check looks again, for 0.1 s. Records are not decoded.
// An error says that there is nothing to look at: ErrName, fs.ErrNotExist,
// fs.ErrPermission, ErrNotQueue for what is no file.
func Check(name string) (*Diagnosis, error) {
	d, err := check(name)
	return d, fail.In(fail.OpCheck, name, err)
}

func check(name string) (_ *Diagnosis, err error) {
	q, err := mapped.Find(name)
	if err != nil {
		return nil, err
	}
	size, usable, problems, err := q.Examine()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	d := &Diagnosis{Name: name, Path: q.At.Shown(), Size: size, Findings: []Finding{}}
	for _, p := range problems {
		d.add(headerFinding(&p, name, q.Header, size))
	}
	if !usable {
		return d, nil
	}
	// The pages beyond the end of a file that was cut are mapped, and not touched.
	if err := q.Map(false); err != nil {
		return nil, err
	}
	return d, d.inspect(q)
}

// inspect examines what lies behind the header.
func (d *Diagnosis) inspect(q *mapped.Queue) error {
	h, r := &q.Header, q.Ring
	have := min(uint64(d.Size), h.TotalSize())
	if have < layout.SeatOffset {
		return nil
	}
	return q.Touch(func() error {
		if was, err := gate.Broken(q); err != nil {
			return err
		} else if was { // a rebuild sorts it out, and until then nothing has to fit
			d.Findings = append(d.Findings, Finding{
				Severity: Note, Kind: "rebuild", Offset: layout.HotOffset + layout.HotImage,
				Found: "the machine stopped while the queue was in use, or this is a copy", Means: "the next one that attaches rebuilds it",
				Remedy: "shmq recover " + d.Name + " does it at once",
			})
			return nil
		}
		e := examineAgain(r, have)
		if have >= h.SlotOffset() {
			if err := errors.Join(d.people(q), d.subscriptions(q)); err != nil {
				return err
			}
		}
		for i := range e.Faults {
			d.add(d.finding(&e.Faults[i]))
		}
		d.More += e.More
		return nil
	})
}

// examineAgain examines the ring until nothing is left that was there each time.
func examineAgain(r *ring.Ring, have uint64) inspect.Examination {
	e := inspect.Examine(r, have)
	for _, pause := range pauses {
		if len(e.Faults) == 0 {
			break
		}
		time.Sleep(pause)
		next := inspect.Examine(r, have)
		e.Faults = slices.DeleteFunc(e.Faults, func(f inspect.Fault) bool {
			return !slices.ContainsFunc(next.Faults, f.Same)
		})
		e.More = min(e.More, next.More)
	}
	return e
}

// people counts the participants, and notes dead ones and locks that no participant seems to
// hold.
func (d *Diagnosis) people(q *mapped.Queue) error {
	r := q.Ring
	var survey inspect.Survey
	if uint64(d.Size) >= q.Header.DataOffset() {
		survey = inspect.NewSurvey(r)
	}
	for i := range q.Header.Seats {
		held, err := q.File.Locked(seat.Byte(i))
		if err != nil {
			return err
		}
		switch dirty := r.Seat(i).Dirty(); {
		case held && dirty:
			d.Alive++
		case held:
			d.Findings = append(d.Findings, seatNote("lock", i, "its lock is held, and it describes no holder",
				"a process is attaching or recovering, or keeps the seat from others",
				"if it stays, end the process that has the file open: lslocks, fuser"))
		case dirty:
			d.Dead++
			p := describeSeat(r, i, nil, survey)
			holds := "nothing"
			if p.Holds != nil {
				holds = fmt.Sprintf("%d slots", p.Holds.Slots)
			}
			d.Findings = append(d.Findings, seatNote("dead", i, fmt.Sprintf("%v %d (%s) died, holding %s", p.Role, p.PID, p.Command, holds),
				"the next participant that attaches or waits takes it back",
				"shmq recover "+d.Name+" does it at once"))
		}
	}
	return nil
}

func seatNote(kind string, i int, found, means, remedy string) Finding {
	return Finding{Severity: Note, Kind: kind, Offset: seat.Byte(i), Seat: &i, Found: found, Expected: "", Means: means, Remedy: remedy}
}

// add adds a finding before the notes.
func (d *Diagnosis) add(f Finding) {
	n := len(d.Findings)
	for n > 0 && d.Findings[n-1].Severity == Note {
		n--
	}
	d.Findings = append(d.Findings[:n], append([]Finding{f}, d.Findings[n:]...)...)
}

func remake(name string) string {
	return fmt.Sprintf("end the participants, save what can be read (shmq dump %s >FILE), then shmq rm --force %s and make it again", name, name)
}

// headerFinding tells of a problem with the header of a file of size bytes. h is what
// is known of it.
func headerFinding(p *layout.Problem, name string, h layout.Header, size int64) Finding {
	f := Finding{
		Severity: Damage, Kind: "header", Offset: int64(p.Offset), Found: p.Field + " " + p.Found, Expected: p.Want,
		Means:  "no process can attach any more; attached ones go on",
		Remedy: fmt.Sprintf("let attached processes finish, then shmq rm --force %s and make it again", name),
	}
	switch {
	case errors.Is(p.Err, ErrNotQueue):
		f.Kind, f.Means = "file", "this is no queue, or what is left of one"
		f.Remedy = "choose another name, or move that file away"
	case p.Field == "file size" && h.Slots == 0:
		f.Kind, f.Means = "file", "this is what is left of a queue; all records are lost"
	case errors.Is(p.Err, ErrVersion):
		f.Means = "this program can't tell what the rest means"
		f.Remedy = fmt.Sprintf("use the release that made the queue, or shmq rm --force %s", name)
	case p.Field == "file size" && h.Slots != 0:
		f.Kind, f.Offset = "file", size
		f.Means = "calls that touch what is gone fail, and a process that touches it without a guard is ended by SIGBUS; " + cutText(h, uint64(size))
		f.Remedy = fmt.Sprintf("shmq rm --force %s and make it again; find out who truncates files there", name)
	}
	return f
}

// cutText says what is gone of a file of which size bytes are left.
func cutText(h layout.Header, size uint64) string {
	switch {
	case size < h.SlotOffset():
		return "all records are lost"
	case size < h.DataOffset():
		return fmt.Sprintf("slots from %d on are lost, and all larger records", (size-h.SlotOffset())/layout.SlotSize)
	}
	return fmt.Sprintf("larger records in slots from %d on are lost", (size-h.DataOffset())/h.AreaSize)
}

// finding tells of a fault for people.
func (d *Diagnosis) finding(f *inspect.Fault) Finding {
	out := Finding{Severity: Damage, Kind: f.Kind, Offset: int64(f.Offset), Found: f.Found, Expected: f.Want, Means: f.Means, Remedy: remake(d.Name)}
	if f.Unsure && d.Alive > 0 {
		out.Severity = Maybe
	}
	if f.Slot >= 0 {
		out.Slot = &f.Slot
		if int64(f.Pos) >= 0 { // else it is of a lap before the first one
			out.Position = &f.Pos
		}
	}
	if f.Seat >= 0 {
		out.Seat = &f.Seat
	}
	switch f.Kind {
	case inspect.FaultSubscription:
		out.Remedy = "shmq recover " + d.Name + " ends those whose holders are dead; end a durable one with shmq unsubscribe; find out who writes there"
	case inspect.FaultTurn:
		out.Remedy = "none is needed; find out who writes there"
	case inspect.FaultChecksum:
		out.Remedy = "none is needed: receivers pass over it; find out who writes there"
	case inspect.FaultSeat:
		out.Remedy = "none is needed once another process takes the seat; find out who writes there"
	}
	return out
}
