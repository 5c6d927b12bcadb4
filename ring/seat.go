package ring

import (
	"bytes"
	"strings"
	"sync/atomic"
	"unicode"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Seat is one entry of the seat table. The holder of the seat's lock writes it; any process
// reads it, and a description of another's seat is a report, not a fact to act on.
type Seat struct{ base unsafe.Pointer }

// Counters are a participant's own counts, and since when it holds what it holds. Only the
// holder of the seat writes them, with plain stores to a line of its own; tools read them.
type Counters struct {
	Records     uint64 // sent, or acknowledged
	Bytes       uint64 // payload bytes of those
	Waits       uint64 // times it went to sleep
	Wakes       uint64 // sleepers it woke
	Redelivered uint64 // records received that were delivered before
	HeldSince   uint64 // by the seat's clock, or 0 while it holds nothing; see Hold
	ClockStart  uint64 // the clock's reading when the seat was taken
	Clock       uint32 // layout.ClockNone, ClockCPU or ClockUnix
	_           uint32 // layout.SeatAwaits, which is no count
}

// Occupant describes the holder of a seat.
type Occupant struct {
	Role      uint32 // layout.RoleProducer or layout.RoleConsumer
	PID       uint32
	UID       uint32
	StartTime uint64 // of the process, in clock ticks since boot
	Attached  int64  // Unix nanoseconds
	Command   string // truncated to 23 bytes
}

// Seat returns entry i.
//
// Preconditions: 0 <= i < Geometry().Seats.
func (r *Ring) Seat(i int) Seat {
	return Seat{r.m.Seat(i)}
}

func (s Seat) u32(off uintptr) *uint32 { return (*uint32)(unsafe.Add(s.base, off)) }
func (s Seat) u64(off uintptr) *uint64 { return (*uint64)(unsafe.Add(s.base, off)) }

func (s Seat) command() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(s.base, layout.SeatCommand)), layout.SeatCommandN)
}

// Dirty reports whether the seat was taken and not left in order: it is in use,
// or its holder died.
func (s Seat) Dirty() bool { return s.State() == layout.SeatDirty }

// State returns the entry's state; a participant writes layout.SeatClean or SeatDirty.
func (s Seat) State() uint32 { return atomics.Load32(s.u32(layout.SeatState)) }

// CommandEnds reports whether the command has a NUL at its end, as participants write it.
func (s Seat) CommandEnds() bool { return bytes.IndexByte(s.command(), 0) >= 0 }

// Attached returns when the seat was taken, in Unix nanoseconds.
func (s Seat) Attached() int64 { return int64(atomic.LoadUint64(s.u64(layout.SeatAttached))) }

// Take adds the counters to the sums, marks the seat dirty, then describes its occupant,
// clears the counters and what the holder awaits, and starts the clock. The role comes first:
// a dirty seat never tells that of its last holder, or another process would be taken for
// the holder of a single role.
//
// Preconditions: the caller holds the lock; nothing in the ring names the seat.
func (s Seat) Take(o Occupant) {
	folds := s.fold()
	defer func() { atomics.Store64(s.u64(layout.SeatFolds), folds+1) }()
	atomic.StoreUint32(s.u32(layout.SeatRole), o.Role)
	atomic.StoreUint64(s.u64(layout.SeatInherits), 0) // of the seat's last holder, as the role
	atomics.Store32(s.u32(layout.SeatState), layout.SeatDirty)
	*s.Counters() = Counters{ClockStart: atomics.Cycles(), Clock: clock}
	atomic.StoreUint32(s.u32(layout.SeatPID), o.PID)
	atomic.StoreUint32(s.u32(layout.SeatUID), o.UID)
	atomic.StoreUint64(s.u64(layout.SeatStartTime), o.StartTime)
	atomic.StoreUint64(s.u64(layout.SeatAttached), uint64(o.Attached))
	var name [layout.SeatCommandN]byte
	copy(name[:layout.SeatCommandN-1], o.Command)
	copy(s.command(), name[:])
}

// Clean marks the seat as left in order.
//
// Preconditions: the caller holds the lock; nothing in the ring names the seat.
func (s Seat) Clean() { atomics.Store32(s.u32(layout.SeatState), layout.SeatClean) }

// Occupant returns what the entry says of its holder, or its last one.
func (s Seat) Occupant() Occupant {
	name := bytes.Clone(s.command())
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	return Occupant{
		Role:      atomic.LoadUint32(s.u32(layout.SeatRole)),
		PID:       atomic.LoadUint32(s.u32(layout.SeatPID)),
		UID:       atomic.LoadUint32(s.u32(layout.SeatUID)),
		StartTime: atomic.LoadUint64(s.u64(layout.SeatStartTime)),
		Attached:  s.Attached(),
		Command:   strings.Map(printable, strings.ToValidUTF8(string(name), "?")),
	}
}

// printable keeps what a seat says of its holder, which any peer can write, from
// driving the terminal that it is shown on.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

// Counters returns the entry's counters, in place.
func (s Seat) Counters() *Counters {
	return (*Counters)(unsafe.Add(s.base, layout.SeatRecords))
}

// Report returns a copy of the counters, for others than the holder.
func (s Seat) Report() Counters {
	c := s.Counters()
	return Counters{
		Records:     atomic.LoadUint64(&c.Records),
		Bytes:       atomic.LoadUint64(&c.Bytes),
		Waits:       atomic.LoadUint64(&c.Waits),
		Wakes:       atomic.LoadUint64(&c.Wakes),
		Redelivered: atomic.LoadUint64(&c.Redelivered),
		HeldSince:   atomic.LoadUint64(&c.HeldSince),
		ClockStart:  atomic.LoadUint64(&c.ClockStart),
		Clock:       atomic.LoadUint32(&c.Clock),
	}
}

// Hold notes that the participant holds something, unless it did so before. Users that
// look at the queue are told since when; nothing acts upon it. time.Now costs as much as a
// record does, so the note is a reading of the processor's counter. The entry has one of
// the time of attaching, too; between that and the present, a reader finds out what a tick
// is.
func (c *Counters) Hold() {
	if c.HeldSince == 0 {
		c.HeldSince = atomics.Cycles()
	}
}

// clock is the kind of clock that Cycles reads.
var clock = func() uint32 {
	if atomics.HaveCycles {
		return layout.ClockCPU
	}
	return layout.ClockUnix
}()
