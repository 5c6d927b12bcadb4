package shmq

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shmq/shmq/internal/sys"
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
	// Note: the queue is in order, and somebody may want to know.
	Note Severity = "note"
)

// Finding is one thing that Check found.
type Finding struct {
	Severity Severity `json:"severity"`
	// Kind is a short name: "file" or "header", one of "positions", "stream" and "turn"
	// for the hot words, one of "state", "span", "lap", "hole", "inner", "owner",
	// "length" and "checksum" for slots, "seat", or for notes "dead", "lock" and
	// "rebuild".
	Kind string `json:"kind"`
	// Offset is where it stands in the file.
	Offset int64 `json:"offset"`
	// Slot and Position are nil where it is not about a slot, Seat where it is not
	// about a seat.
	Slot     *int    `json:"slot,omitempty"`
	Position *uint64 `json:"position,omitempty"`
	Seat     *int    `json:"seat,omitempty"`
	Found    string  `json:"found"`
	Expected string  `json:"expected"`
	Means    string  `json:"means"` // to those who use the queue
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

// looksApart are the pauses before it looks again, while something looks like damage.
// What is in order at the first look is told at once.
var looksApart = []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}

// Check explains what is wrong with the queue of that name, or with the file in its
// place. It only reads: it takes no seat and no lock, and participants may be at work:
// what they leave in passing, or at their death, is not damage. Where something looks like
// it, Check looks again, for 0.1 s. Records are not decoded.
// An error says that there is nothing to look at: ErrName, fs.ErrNotExist,
// fs.ErrPermission, ErrNotQueue for what is no file.
func Check(name string) (*Diagnosis, error) {
	d, err := check(name)
	return d, fail(opCheck, name, err)
}

func check(name string) (_ *Diagnosis, err error) {
	if err := byteOrder(); err != nil {
		return nil, err
	}
	at, err := find(name)
	if err != nil {
		return nil, err
	}
	f, err := at.open(false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	d := &Diagnosis{Name: name, Path: at.shown(), Findings: []Finding{}}
	size, mode, _, _, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !mode.IsRegular() {
		return nil, remedy(fmt.Errorf("%w: it is no regular file", ErrNotQueue))
	}
	d.Size = size
	page := make([]byte, layout.HeaderSize)
	n, err := f.ReadAt(page, 0)
	if err != nil {
		return nil, err
	}
	h, usable, problems := layout.Examine(page[:n], size)
	for _, p := range problems {
		d.add(headerFinding(&p, name, h, size))
	}
	if !usable {
		return d, nil
	}
	if total := h.TotalSize(); total > math.MaxInt {
		return nil, fmt.Errorf("%w: the queue has %d bytes", errUnmappable, total)
	}
	return d, d.inspect(f, h)
}

// inspect looks at what lies behind the header.
func (d *Diagnosis) inspect(f *sys.File, h layout.Header) (err error) {
	// What lies beyond the end of a file that was cut is mapped, and not touched.
	mem, err := f.Map(int(h.TotalSize()), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.Unmap(mem)) }()
	r, err := ring.New(mem, h.Geometry, sys.MonotonicMillis)
	if err != nil {
		return err
	}
	have := min(uint64(d.Size), h.TotalSize())
	if have < layout.SeatOffset {
		return nil
	}
	return touch(f, mem, func() error {
		if was, err := broken(f, r); err != nil {
			return err
		} else if was { // who attaches sorts it out, and until then nothing has to fit
			d.Findings = append(d.Findings, Finding{
				Severity: Note, Kind: "rebuild", Offset: layout.HotOffset + layout.HotImage,
				Found: "the machine stopped while the queue was in use, or this is a copy", Means: "who attaches next rebuilds it",
				Remedy: "shmq recover " + d.Name + " does it at once",
			})
			return nil
		}
		e := lookAgain(r, have)
		if have >= h.SlotOffset() {
			if err := d.people(f, h, r); err != nil {
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

// lookAgain looks until nothing is left that was there each time.
func lookAgain(r *ring.Ring, have uint64) inspect.Examination {
	e := inspect.Examine(r, have)
	for _, pause := range looksApart {
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

// people counts who takes part, and notes who is dead and what nobody seems to hold.
func (d *Diagnosis) people(f *sys.File, h layout.Header, r *ring.Ring) error {
	var survey inspect.Survey
	if uint64(d.Size) >= h.DataOffset() {
		survey = inspect.NewSurvey(r)
	}
	for i := range h.Seats {
		held, err := f.Locked(seatByte(i))
		if err != nil {
			return err
		}
		switch dirty := r.Seat(i).Dirty(); {
		case held && dirty:
			d.Alive++
		case held:
			d.Findings = append(d.Findings, seatNote("lock", i, "its lock is held, and nobody is described",
				"somebody is attaching or recovering, or keeps the seat from others",
				"if it stays, end the process that has the file open: lslocks, fuser"))
		case dirty:
			d.Dead++
			p := participant(r, i, nil, survey)
			holds := "nothing"
			if p.Holds != nil {
				holds = fmt.Sprintf("%d slots", p.Holds.Slots)
			}
			d.Findings = append(d.Findings, seatNote("dead", i, fmt.Sprintf("%v %d (%s) died, holding %s", p.Role, p.PID, p.Command, holds),
				"the next one who attaches or waits takes it back",
				"shmq recover "+d.Name+" does it at once"))
		}
	}
	return nil
}

func seatNote(kind string, seat int, found, means, remedy string) Finding {
	return Finding{Severity: Note, Kind: kind, Offset: seatByte(seat), Seat: &seat, Found: found, Expected: "", Means: means, Remedy: remedy}
}
