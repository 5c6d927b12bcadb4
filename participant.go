package shmq

import (
	"time"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// Role is what a participant does in a queue.
type Role uint8

// The roles.
const (
	Producer Role = layout.RoleProducer
	Consumer Role = layout.RoleConsumer
)

func (r Role) String() string { return seat.Role(r).String() }

// MarshalText returns "producer" or "consumer".
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Counters are what a participant has counted since it attached. They are those that
// Stat shows of it. The field names in JSON are those of Participant.
type Counters struct {
	Records     uint64 `json:"records"` // sent, or acknowledged
	Bytes       uint64 `json:"bytes"`   // payload of those
	Waits       uint64 `json:"waits"`   // times it went to sleep
	Wakes       uint64 `json:"wakes"`   // sleepers it woke
	Redelivered uint64 `json:"redelivered"`
}

// Participant describes a process that holds a seat, or held it and did not leave in order.
type Participant struct {
	Seat    int  `json:"seat"`
	Role    Role `json:"role"`
	Alive   bool `json:"alive"`
	Stopped bool `json:"stopped"` // by a signal or a debugger; false also where that can't be told
	Frozen  bool `json:"frozen"`  // by a freezer of cgroups, as docker pause does; false also where that can't be told
	// Freezer is the file by which it was frozen: a cgroup.freeze, thawed by 0, or a
	// freezer.state, thawed by THAWED. Empty where that can't be told.
	Freezer string `json:"freezer,omitempty"`
	PID     int    `json:"pid"` // in its own PID namespace
	UID     int    `json:"uid"` // in its own user namespace
	// StartTime is when the process started, in clock ticks since the machine did; 0 where that
	// was not told. With PID it tells processes apart, those of other PID namespaces too.
	StartTime   uint64    `json:"start_time"`
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
	Holds *inspect.Holding `json:"holds,omitempty"`
	// HeldSince is when it went from holding nothing to holding something that it may
	// keep: leases, a reservation. Zero when it holds nothing, or it is not known. It
	// is the participant's own word, converted from a counter of the processor.
	HeldSince time.Time `json:"held_since,omitzero"`
}

// describeSeat describes the participant that has seat i, or had it. living is nil for one
// that is not alive.
func describeSeat(r *ring.Ring, i int, living *sys.Processes, survey inspect.Survey) Participant {
	o, c := r.Seat(i).Occupant(), r.Seat(i).Report()
	var halt sys.Halt
	if living != nil {
		halt = living.Halted(o.PID, o.StartTime)
	}
	p := Participant{
		Seat: i, Role: Role(o.Role), Alive: living != nil, Stopped: halt.Stopped, Frozen: halt.Frozen, Freezer: halt.Freezer,
		PID: int(o.PID), UID: int(o.UID), StartTime: o.StartTime, Command: o.Command, Attached: time.Unix(0, o.Attached).UTC(),
		Records: c.Records, Bytes: c.Bytes, Waits: c.Waits, Wakes: c.Wakes, Redelivered: c.Redelivered,
	}
	var held inspect.Holding
	if i < len(survey.Seats) {
		held = survey.Seats[i]
	}
	if g := r.Geometry(); p.Role == Consumer && !g.ManyConsumers {
		held = survey.Handed
		if g.Each { // which its subscription tells
			held = inspect.Holding{}
		}
	}
	if held != (inspect.Holding{}) {
		p.Holds = &held
	}
	p.HeldSince, _ = inspect.HeldSince(c, o.Attached, time.Now().UnixNano(), atomics.Cycles())
	return p
}

// orphan counts what a dead consumer holds, and the next participant to look for dead ones gives back.
func (info *Info) orphan(h *inspect.Holding) {
	info.Orphans += h.Records
	if sent := unixTime(h.Oldest()); !sent.IsZero() && (info.OldestSent.IsZero() || sent.Before(info.OldestSent)) {
		info.OldestSent = sent
	}
}
