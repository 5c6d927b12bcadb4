package shmq

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// RecordState is what becomes of a record that a Viewer shows.
type RecordState uint8

const (
	// Waiting: no consumer has taken it. Where each consumer gets every record, the only
	// state of published ones: they stay until they are written over.
	Waiting = RecordState(inspect.Waiting)
	// Leased: a living consumer has it, and has not acknowledged it.
	Leased = RecordState(inspect.Leased)
	// Orphaned: it will be delivered again; its holder gave it back, or is dead.
	Orphaned = RecordState(inspect.Orphaned)
	// Writing: a producer has claimed the slots and not published them yet. They
	// may become several records, or none. Not seen where producers are single.
	Writing = RecordState(inspect.Writing)
)

func (s RecordState) String() string {
	switch s {
	case Waiting:
		return "waiting"
	case Leased:
		return "leased"
	case Orphaned:
		return "orphaned"
	case Writing:
		return "writing"
	}
	return "unknown"
}

// MarshalText returns what String does.
func (s RecordState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Record is a record as it was when a Viewer looked.
type Record struct {
	ID       ID     // zero while the record is being written
	Position uint64 // of its first slot, counted since the queue was made
	// Sent is when the record was sent, by its sender's clock; zero where the queue has no
	// time stamps, and while the record is being written.
	Sent  time.Time
	Slots int
	State RecordState
	// Redelivered is how often it was delivered again, as far as that was recorded.
	Redelivered int
	// Data is a copy of the payload, until the next call of Next; empty while the
	// record is being written.
	Data []byte

	seat int
}

// Holder is the participant that has a record, or is writing it.
type Holder struct {
	Seat    int    `json:"seat"`
	PID     int    `json:"pid"` // in its own PID namespace
	Command string `json:"command"`
	Alive   bool   `json:"alive"`
}

// Viewer shows the records of a queue without taking them: it has no seat, maps
// the file for reading only, and the participants do not notice. Records that it shows are
// whole. Records that pass while it does not look it does not see. It is for one goroutine
// at a time.
type Viewer struct {
	q    *mapped.Queue
	view *inspect.Viewer
	seen inspect.Record
	line *ring.Lineage
}

// View opens the queue of that name to show its records, the oldest first. It
// never makes one. Errors: as Stat.
func View(name string) (*Viewer, error) {
	q, err := mapped.Open(name, false)
	if err != nil {
		return nil, fail.In(opView, name, err)
	}
	v := &Viewer{q: q}
	// It reads where to begin.
	if err := q.Touch(func() error { v.view, v.line = inspect.NewViewer(q.Ring), q.Ring.NewLineage(); return nil }); err != nil {
		return nil, fail.In(opView, name, errors.Join(err, q.Close()))
	}
	return v, nil
}

const opView = "look into"

// Close ends the view. A second time it does nothing.
func (v *Viewer) Close() error { return v.fail(v.q.Close()) }

func (v *Viewer) fail(err error) error { return fail.In(opView, v.q.Name, err) }

// Rewind goes to the oldest record. All that is in the queue at this moment lies
// before the position that it returns: a reader that wants no more stops there, since with
// producers at work there may always be another record.
// If the file was cut it returns 0, and Next the error.
func (v *Viewer) Rewind() (end uint64) {
	_ = v.q.Touch(func() error { end = v.view.Rewind(); return nil })
	return end
}

// Seek goes to a position: one that Position returned, or a Record had.
func (v *Viewer) Seek(position uint64) { v.view.Seek(position) }

// Position is where Next goes on.
func (v *Viewer) Position() uint64 { return v.view.Pos() }

// Missed returns how many slots the viewer has passed since Rewind without having seen
// the records in them, because they had been acknowledged, or written over, before. That is the most
// records it can have missed; fewer if there were some of several slots.
func (v *Viewer) Missed() uint64 { return v.view.Missed() }

// Next shows the next record. Where nothing follows yet it returns ErrEmpty, and may
// be called again later. Other errors: ErrDamaged, ErrTruncated, ErrNoSpace.
func (v *Viewer) Next(rec *Record) error {
	p := &v.seen
	incarnation := uint64(0)
	err := v.q.Touch(func() error {
		err := v.view.Next(p)
		if err == nil {
			incarnation = v.line.Of(p.Pos)
		}
		if err != nil && err != ErrEmpty {
			err = fail.Remedy(fmt.Errorf("position %d: %w", v.Position(), err))
		}
		return err
	})
	if err == ErrEmpty {
		err = cmp.Or(v.q.Cut(), err)
	}
	if err != nil {
		return v.fail(err)
	}
	*rec = Record{
		Position: p.Pos, Slots: int(p.Slots), State: RecordState(p.State),
		Redelivered: p.Redelivered, Data: p.Data, seat: p.Seat,
	}
	if rec.State != Writing {
		rec.ID = ID{Creation: v.q.Header.CreationID, Incarnation: incarnation, Position: p.Pos}
		rec.Sent = unixTime(p.Sent)
	}
	if rec.State == Leased {
		// The words of a single consumer's records don't name it.
		b := int64(layout.LockConsumer)
		if rec.seat >= 0 {
			b = seat.Byte(rec.seat)
		}
		held, err := v.q.File.Locked(b)
		if err != nil {
			return v.fail(err)
		}
		if !held {
			rec.State = Orphaned
		}
	}
	return nil
}

// Holder returns the participant that has a record that Next returned, or is writing it; nil
// if none is known to. By now it may have left.
func (v *Viewer) Holder(rec *Record) (h *Holder) {
	_ = v.q.Touch(func() error { h = v.holderOf(rec); return nil })
	return h
}

func (v *Viewer) holderOf(rec *Record) *Holder {
	if rec.seat >= 0 {
		return v.holder(rec.seat)
	}
	if rec.State != Leased {
		return nil
	}
	for i := range v.q.Header.Seats {
		if s := v.q.Ring.Seat(i); s.Dirty() && s.Occupant().Role == layout.RoleConsumer {
			if h := v.holder(i); h != nil && h.Alive {
				return h
			}
		}
	}
	return nil
}

func (v *Viewer) holder(i int) *Holder {
	if i >= v.q.Header.Seats || !v.q.Ring.Seat(i).Dirty() {
		return nil
	}
	o := v.q.Ring.Seat(i).Occupant()
	return &Holder{Seat: i, PID: int(o.PID), Command: o.Command, Alive: seat.Alive(v.q, i)}
}

// Ended reports whether no record can follow those in the queue: no producer is
// attached, and the latest one marked the end of the stream; or there was one, and
// anyEnd says that this is enough; or none can come, since the queue was removed. A
// reader that then finds nothing more has seen the end.
func (v *Viewer) Ended(anyEnd bool) (bool, error) {
	var begun, finished bool
	if err := v.q.Touch(func() error { begun, finished = v.q.Ring.Stream(); return nil }); err != nil {
		return false, v.fail(err)
	}
	if !finished && !(begun && anyEnd) && !v.Removed() {
		return false, nil
	}
	held, err := v.q.File.Locked(layout.LockProducer)
	return !held, v.fail(err)
}

// Removed reports whether the queue's name is gone, or means another queue by now.
func (v *Viewer) Removed() bool {
	return v.q.Removed()
}

// LastAttach returns when a participant last took a seat, or, if none ever did, when the
// queue was made. Later activity leaves no time behind. The times were written by the
// participants, and are as right as their clocks.
func (v *Viewer) LastAttach() time.Time {
	last := v.q.Header.Created
	_ = v.q.Touch(func() error {
		for i := range v.q.Header.Seats {
			last = max(last, v.q.Ring.Seat(i).Occupant().Attached)
		}
		return nil
	})
	return time.Unix(0, last).UTC()
}

// Options returns what a queue has to be made with to be like this one.
func (v *Viewer) Options() (Options, error) {
	if v.q.Closed() {
		return Options{}, v.fail(ErrClosed)
	}
	_, mode, _, err := v.q.Stat()
	return Options{
		Producers: producersOf(v.q.Header.Geometry), Consumers: consumersOf(v.q.Header.Geometry),
		Slots: int(v.q.Header.Slots), SlotSize: int(v.q.Header.AreaSize), Seats: v.q.Header.Seats, Mode: mode.Perm(),
		Checksum: v.q.Header.Checksum, Timestamps: v.q.Header.Timestamps,
		Skip: v.q.Header.Skip, Keep: int(v.q.Header.Keep), Subscriptions: v.q.Header.Subscriptions,
	}, v.fail(err)
}

// unixTime returns a time from its nanoseconds; 0 is the zero time.
func unixTime(ns uint64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(ns)).UTC()
}

// ID names a record for good: no other record, of this queue or of another one, has it. A
// record keeps its ID when it is delivered again, also after the queue was rebuilt because
// the machine had stopped, and in a copy of the queue's file: there it is the same record. So
// a program that has seen an ID has seen the record. IDs can be compared and be keys of a map.
//
// Its text is the queue's creation id and the record's incarnation, 32 and 16 hexadecimal
// digits, and the position in decimal, with hyphens between them. docs/guarantees.md tells
// what an incarnation is, and the two cases in which a record gets another ID.
type ID = layout.ID
