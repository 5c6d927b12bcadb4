package shmq

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/inspect"
)

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
	case inspect.FaultTurn:
		out.Remedy = "none is needed; find out who writes there"
	case inspect.FaultChecksum:
		out.Remedy = "none is needed: receivers pass over it; find out who writes there"
	case inspect.FaultSeat:
		out.Remedy = "none is needed once another process takes the seat; find out who writes there"
	}
	return out
}
