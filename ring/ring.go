package ring

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Results of calls that could not do their work. They are returned as they are,
// without allocation.
var (
	// ErrFull: there is no room for the record now.
	ErrFull = errors.New("queue is full")
	// ErrEmpty: there is no record to take now.
	ErrEmpty = errors.New("queue is empty")
	// ErrTooLarge: the record can never fit.
	ErrTooLarge = errors.New("record is too large")
	// ErrReserved: the producer already has an open reservation.
	ErrReserved = errors.New("a reservation is open")
	// ErrNotReserved: there is no open reservation, or it is smaller.
	ErrNotReserved = errors.New("no such reservation")
	// ErrDamaged: a shared word holds what no participant writes.
	ErrDamaged = layout.ErrDamaged
)

// maxTries bounds the retries of one call. Each retry means that another
// participant got ahead, so the bound is reached only under scribbling; the call
// then reports that it would have to wait.
const maxTries = 1 << 16

// effort bounds what one call does in vain, where a try can look at many slots: a try
// counts one, and so does each slot.
func (r *Ring) effort() uint64 { return maxTries + 16*r.cap }

// Ring is a view of a region that holds a queue. Its fields are set once; it is
// safe for concurrent use.
type Ring struct {
	geo   layout.Geometry
	shift uint
	mask  uint64 // slots - 1
	cap   uint64 // slots
	area  uint64 // bytes of one data area
	line  int    // payload bytes that fit into a slot's line
	plain bool   // records have neither checksums nor time stamps: the short ways serve

	slots   unsafe.Pointer // slot lines
	inlines unsafe.Pointer // where in the first of them an inline payload starts
	data    unsafe.Pointer // data areas
	seats   unsafe.Pointer

	tail, head, handout *uint64
	orphans, turn       *uint64
	epoch, finished     *uint64
	skipped             *uint64
	image, home, torn   *uint64
	incarnations        unsafe.Pointer
	dataFutex           *uint32
	roomFutex           *uint32

	// clock returns CLOCK_MONOTONIC in milliseconds; see turn.go.
	clock func() uint64
	// now returns Unix time in nanoseconds, for time stamps.
	now func() uint64
}

// New returns a view of region, which holds a queue of geometry g from its first
// byte on. clock returns CLOCK_MONOTONIC in milliseconds, the same for all
// participants.
//
// Preconditions: g passed Check; region stays valid, and does not move, for as
// long as the Ring and what is made from it are used.
func New(region []byte, g layout.Geometry, clock func() uint64) (*Ring, error) {
	if err := g.Check(); err != nil {
		return nil, fmt.Errorf("ring: %w", err)
	}
	if uint64(len(region)) < g.TotalSize() {
		return nil, fmt.Errorf("ring: region of %d bytes, geometry needs %d", len(region), g.TotalSize())
	}
	base := unsafe.Pointer(unsafe.SliceData(region))
	if uintptr(base)%layout.LineSize != 0 {
		return nil, fmt.Errorf("ring: region is not aligned to %d bytes", layout.LineSize)
	}
	hot := func(off uintptr) *uint64 { return (*uint64)(unsafe.Add(base, layout.HotOffset+off)) }
	return &Ring{
		geo:       g,
		shift:     g.Shift(),
		mask:      g.Slots - 1,
		cap:       g.Slots,
		area:      g.AreaSize,
		line:      g.InlineSize(),
		plain:     !g.Checksum && !g.Timestamps,
		slots:     unsafe.Add(base, g.SlotOffset()),
		inlines:   unsafe.Add(base, g.SlotOffset()+uint64(g.InlineOffset())),
		data:      unsafe.Add(base, g.DataOffset()),
		seats:     unsafe.Add(base, layout.SeatOffset),
		tail:      hot(layout.HotTail),
		head:      hot(layout.HotHead),
		handout:   hot(layout.HotHandout),
		orphans:   hot(layout.HotOrphans),
		turn:      hot(layout.HotTurn),
		epoch:     hot(layout.HotEpoch),
		finished:  hot(layout.HotFinished),
		skipped:   hot(layout.HotSkipped),
		image:     hot(layout.HotImage),
		home:      hot(layout.HotHome),
		torn:      hot(layout.HotTorn),
		dataFutex: (*uint32)(unsafe.Pointer(hot(layout.HotDataFutex))),
		roomFutex: (*uint32)(unsafe.Pointer(hot(layout.HotRoomFutex))),
		clock:     clock,
		now:       unixNano,

		incarnations: unsafe.Pointer(hot(layout.HotIncarnations)),
	}, nil
}

// Geometry returns the shape of the queue.
func (r *Ring) Geometry() layout.Geometry { return r.geo }

// DataFutex is the word on which consumers sleep.
func (r *Ring) DataFutex() *uint32 { return r.dataFutex }

// RoomFutex is the word on which producers sleep.
func (r *Ring) RoomFutex() *uint32 { return r.roomFutex }

// Positions returns head and tail. Where a side is many they are hints that may
// lag by the claims under way.
func (r *Ring) Positions() (head, tail uint64) {
	return atomics.Load64(r.head), atomics.Load64(r.tail)
}

// Depth returns how many slots lie between head and tail, at most all. In a
// single-consumer queue it counts leased records too, in a many-consumer queue
// only records nobody has taken.
func (r *Ring) Depth() uint64 {
	head, tail := r.Positions()
	if d := tail - head; d <= r.cap {
		return d
	}
	return 0 // head was read before, tail after, or the other way round
}

// HasRoom reports whether the positions leave room for a producer.
func (r *Ring) HasRoom() bool { return r.Depth() < r.cap }

// HasQuarters reports whether a quarter of the ring is a slot at least.
func (r *Ring) HasQuarters() bool { return r.cap >= 4 }

// Roomy reports whether a quarter of the ring is free.
func (r *Ring) Roomy() bool { return r.Depth() <= r.cap-r.cap/4 }

// RoomWorthWaking reports whether sleeping producers should be woken while there is more
// to receive: when a quarter of the ring is free, so that a full ring costs a wake-up a
// quarter lap and not one a slot. A producer that has the turn waits for just its own
// slots and is always told. A consumer that finds nothing more wakes them for any room,
// so that it leaves nobody asleep.
func (r *Ring) RoomWorthWaking() bool { return r.Roomy() || r.TurnAsked() }

// Skipped returns how many claims of dead producers were passed over.
func (r *Ring) Skipped() uint64 { return atomics.Load64(r.skipped) }

// Torn returns how many records were dropped because their checksum was wrong.
func (r *Ring) Torn() uint64 { return atomics.Load64(r.torn) }

// Image returns the stamp of who has the queue in use, or 0; see layout.HotImage.
func (r *Ring) Image() uint64 { return atomics.Load64(r.image) }

// SetImage stores the stamp.
//
// Preconditions: the caller holds layout.LockImage.
func (r *Ring) SetImage(stamp uint64) { atomics.Store64(r.image, stamp) }

func (r *Ring) wordAt(p uint64) *uint64 {
	return (*uint64)(unsafe.Add(r.slots, (p&r.mask)*layout.SlotSize))
}

// load reads the word of position p's slot.
func (r *Ring) load(p uint64) layout.Word { return layout.Word(atomics.Load64(r.wordAt(p))) }

// cas changes the word of position p's slot.
func (r *Ring) cas(p uint64, old, new layout.Word) bool {
	return atomics.CAS64(r.wordAt(p), uint64(old), uint64(new))
}

// store publishes a word that the caller owns.
func (r *Ring) store(p uint64, w layout.Word) { atomics.StoreRelease64(r.wordAt(p), uint64(w)) }

// span returns the k that a word found at position p claims to speak for, or 0
// when no participant writes such a k. Whoever advances by a span checks for 0
// first: a helper that advances by nothing would never end.
func (r *Ring) span(p uint64, w layout.Word) uint64 {
	k := w.Slots(r.shift)
	if k > r.cap-p&r.mask {
		return 0
	}
	return k
}

// slotsFor returns how many slots a payload of n bytes takes.
func (r *Ring) slotsFor(n int) uint64 {
	if uint64(n) <= r.area {
		return 1
	}
	return (uint64(n) + r.area - 1) / r.area
}
