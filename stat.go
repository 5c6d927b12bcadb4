package shmq

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// Info describes a queue at a moment. While participants work, each number is of
// a slightly different moment.
type Info struct {
	Name       string    `json:"name"`
	Path       string    `json:"path"`
	Size       int64     `json:"size_bytes"`
	Mode       string    `json:"mode"` // octal
	UID        int       `json:"uid"`
	Created    time.Time `json:"created"`
	CreationID string    `json:"creation_id"`
	Layout     int       `json:"layout_version"`

	Producers Side `json:"producers"`
	Consumers Side `json:"consumers"`
	Slots     int  `json:"slots"`
	SlotSize  int  `json:"slot_size"`
	Seats     int  `json:"seats"`
	MaxRecord int  `json:"max_record"`
	Checksum  bool `json:"checksum"` // each record has one

	Head    uint64 `json:"head"`    // position of the oldest record not taken; single consumer: not acknowledged
	Tail    uint64 `json:"tail"`    // position of the next claim
	Depth   int    `json:"depth"`   // slots between head and tail
	Records int    `json:"records"` // waiting to be taken
	Claimed int    `json:"claimed"` // being written
	Leased  int    `json:"leased"`  // takes by consumers of a many-consumer queue, not acknowledged
	Orphans int    `json:"orphans"` // takes to be delivered again
	Skipped uint64 `json:"skipped"` // claims of dead producers passed over since creation
	Torn    uint64 `json:"torn"`    // records dropped because their checksum was wrong, since creation
	// Broken: the machine stopped while the queue, which has checksums, was in use, or
	// this is a copy that was made meanwhile. Who attaches next rebuilds it; until then
	// the other numbers here mean little.
	Broken bool `json:"broken"`
	Full   bool `json:"full"` // no room for a record of one slot: the position Tail - Slots is not free

	// Begun: a producer has attached at some time. Finished: the stream was
	// marked as finished and no producer has attached since.
	Begun    bool `json:"begun"`
	Finished bool `json:"finished"`

	// Somebody may be asleep: producers for want of room, consumers for want of
	// records. It stays true until the next wake-up, also if the sleepers have left.
	ProducersAsleep bool `json:"producers_asleep"`
	ConsumersAsleep bool `json:"consumers_asleep"`

	Participants []Participant `json:"participants"`
	// Left has those that left in order, with their last counters: of each seat that
	// nobody has taken since the latest one that had it.
	Left []Participant `json:"-"`
}

// Participant describes who holds, or held and did not leave in order, a seat.
type Participant struct {
	Seat    int  `json:"seat"`
	Role    Role `json:"role"`
	Alive   bool `json:"alive"`
	Stopped bool `json:"stopped"` // by a signal or a debugger; false also where that can't be told
	Frozen  bool `json:"frozen"`  // by a freezer of cgroups, as docker pause does; false also where that can't be told
	// Freezer is the file by which it was frozen: a cgroup.freeze, thawed by 0, or a
	// freezer.state, thawed by THAWED. Empty where that can't be told.
	Freezer     string    `json:"freezer,omitempty"`
	PID         int       `json:"pid"` // in its own PID namespace
	UID         int       `json:"uid"` // in its own user namespace
	Command     string    `json:"command"`
	Attached    time.Time `json:"attached"`
	Records     uint64    `json:"records"` // sent, or acknowledged
	Bytes       uint64    `json:"bytes"`
	Waits       uint64    `json:"waits"`
	Wakes       uint64    `json:"wakes"`
	Redelivered uint64    `json:"redelivered"`

	// Holds is what the participant has in its hands, nil for nothing. Of a single
	// consumer it is what was handed out, to it or its predecessor, and not
	// acknowledged, or acknowledged before an older record. A single producer's open
	// reservation is not among it, as others can't see that; HeldSince tells of it.
	Holds *Holding `json:"holds,omitempty"`
	// HeldSince is when it went from holding nothing to holding something that it may
	// keep: leases, a reservation. Zero when it holds nothing, or it is not known. It
	// is the participant's own word, converted from a counter of the processor.
	HeldSince time.Time `json:"held_since,omitzero"`
}

// Holding is what a participant has in its hands.
type Holding = inspect.Holding

// Stat describes the queue of that name. It only reads: it takes no seat, and the
// participants do not notice. Errors: ErrName, ErrNotQueue, ErrVersion, ErrDamaged,
// fs.ErrNotExist, fs.ErrPermission.
func Stat(name string) (*Info, error) {
	info, err := stat(name)
	return info, fail("describe", name, err)
}

func stat(name string) (_ *Info, err error) {
	w, err := watch(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.release()) }()
	return w.look(true)
}

// participant describes the holder of seat i, or its last one. living is nil for one that
// is not alive.
func participant(r *ring.Ring, i int, living *sys.Processes, survey inspect.Survey) Participant {
	o, c := r.Seat(i).Occupant(), r.Seat(i).Report()
	var halt sys.Halt
	if living != nil {
		halt = living.Halted(o.PID, o.StartTime)
	}
	p := Participant{
		Seat: i, Role: Role(o.Role), Alive: living != nil, Stopped: halt.Stopped, Frozen: halt.Frozen, Freezer: halt.Freezer,
		PID: int(o.PID), UID: int(o.UID), Command: o.Command, Attached: time.Unix(0, o.Attached).UTC(),
		Records: c.Records, Bytes: c.Bytes, Waits: c.Waits, Wakes: c.Wakes, Redelivered: c.Redelivered,
	}
	var held Holding
	if i < len(survey.Seats) {
		held = survey.Seats[i]
	}
	if p.Role == Consumer && !r.Geometry().ManyConsumers {
		held = survey.Handed
	}
	if held != (Holding{}) {
		p.Holds = &held
	}
	p.HeldSince, _ = inspect.HeldSince(c, o.Attached, time.Now().UnixNano(), atomics.Cycles())
	return p
}

// Entry is one queue of a List: Err tells why Info is nil.
type Entry struct {
	Name string
	Info *Info
	Err  error
}

// List describes the queues in Dir, in the order of their names. A queue that can't
// be described, for lack of permission for example, has an entry with the error;
// one that is removed meanwhile has none.
func List() ([]Entry, error) {
	names, err := Names()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, name := range names {
		info, err := Stat(name)
		if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errCutShort) {
			continue
		}
		entries = append(entries, Entry{name, info, err})
	}
	return entries, nil
}

// Names returns the names of the queues in Dir, in their order; a path where the name
// alone would mean something else, as fd:3 does. Some may turn out not to be queues; all
// of them could be, so that what others put into the directory does not drive a terminal.
func Names() ([]string, error) {
	files, err := os.ReadDir(Dir())
	if err != nil {
		return nil, &Error{"list", Dir(), err}
	}
	var names []string
	for _, f := range files {
		name, ok := strings.CutPrefix(f.Name(), filePrefix)
		if !ok {
			continue
		}
		if isFD(name) { // that would mean a descriptor
			if name, err = filepath.Abs(filepath.Join(Dir(), f.Name())); err != nil {
				return nil, &Error{"list", Dir(), err}
			}
		}
		if _, err := Path(name); err == nil {
			names = append(names, name)
		}
	}
	return names, nil
}
