package ring

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/internal/region"
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

// effort bounds what one call does in vain, where a try can read many slots: a try
// counts one, and so does each slot.
func (r *Ring) effort() uint64 { return maxTries + 16*r.m.Cap }

// Ring is a view of a region that holds a queue. Its fields are set once, but for slowest, a hint; it
// is safe for concurrent use.
type Ring struct {
	m region.Region // the memory, and what is where

	stride uint64 // see hints.go

	tail, head, handout *uint64
	orphans, turn       *uint64
	epoch, finished     *uint64 // of streams; see stream.go
	left, told, met     *uint64
	ends                *uint64
	endLog              unsafe.Pointer
	skipped             *uint64
	image, home, torn   *uint64
	dataFutex           *uint32
	roomFutex           *uint32

	slowest atomic.Uint32 // the subscription that was farthest behind at the last look

	// clock returns CLOCK_MONOTONIC in milliseconds; see producer_turn.go.
	clock func() uint64
	// now returns Unix time in nanoseconds, for time stamps.
	now func() uint64
}

// New returns a view of memory, which holds a queue of geometry g from its first
// byte on. clock returns CLOCK_MONOTONIC in milliseconds, the same for all
// participants.
//
// Preconditions: g passed Check; the memory stays valid, and does not move, for as
// long as the Ring and what is made from it are used.
func New(memory []byte, g layout.Geometry, clock func() uint64) (*Ring, error) {
	m, err := region.New(memory, g)
	if err != nil {
		return nil, err
	}
	return &Ring{
		m:         m,
		stride:    strideOf(g.Slots),
		tail:      m.Hot(layout.HotTail),
		head:      m.Hot(layout.HotHead),
		handout:   m.Hot(layout.HotHandout),
		orphans:   m.Hot(layout.HotOrphans),
		turn:      m.Hot(layout.HotTurn),
		epoch:     m.Hot(layout.HotEpoch),
		finished:  m.Hot(layout.HotFinished),
		left:      m.Hot(layout.HotLeft),
		told:      m.Hot(layout.HotTold),
		met:       m.Hot(layout.HotMet),
		ends:      m.Hot(layout.HotEnds),
		endLog:    unsafe.Pointer(m.Hot(layout.HotEndLog)),
		skipped:   m.Hot(layout.HotSkipped),
		image:     m.Hot(layout.HotImage),
		home:      m.Hot(layout.HotHome),
		torn:      m.Hot(layout.HotTorn),
		dataFutex: m.Futex(layout.HotDataFutex),
		roomFutex: m.Futex(layout.HotRoomFutex),
		clock:     clock,
		now:       unixNano,
	}, nil
}

// Region returns the memory by its names, for package inspect.
func (r *Ring) Region() *region.Region { return &r.m }

// Now returns the ring's clock, CLOCK_MONOTONIC in milliseconds.
func (r *Ring) Now() uint64 { return r.clock() }

// Geometry returns the shape of the queue.
func (r *Ring) Geometry() layout.Geometry { return r.m.Geo }

// DataFutex is the word on which consumers sleep.
func (r *Ring) DataFutex() *uint32 { return r.dataFutex }

// RoomFutex is the word on which producers sleep.
func (r *Ring) RoomFutex() *uint32 { return r.roomFutex }

// Positions returns the positions of the next take, or of the slowest subscription, and of the next claim: of a single
// consumer or producer, as far as it has stored them.
func (r *Ring) Positions() (head, tail uint64) {
	head, tail = r.hints()
	if r.m.Geo.Each {
		_, lag := r.Slowest()
		return tail - lag, tail
	}
	if r.m.Geo.ManyConsumers {
		head = r.m.Untaken(head)
		if r.m.Geo.ManyProducers {
			tail = r.m.Unclaimed(tail)
		}
	}
	return head, tail
}

// hints returns head and tail as they are shared.
func (r *Ring) hints() (head, tail uint64) {
	return atomics.Load64(r.head), atomics.Load64(r.tail)
}

// Depth returns how many slots lie between head and tail, at most all, as far as the hints
// have followed; see hints.go. In a single-consumer queue it counts leased records too, in a
// many-consumer queue only records that no consumer has taken.
//
// Where each consumer gets every record it is how far the slowest subscription is behind. A
// caller that has just acknowledged decides by the cursors of others, so there is a fence: of two
// that acknowledge at once each could see the other's old one.
func (r *Ring) Depth() uint64 {
	if r.m.Geo.Each {
		atomics.Fence()
		_, lag := r.Slowest()
		return min(lag, r.m.Cap)
	}
	head, tail := r.hints()
	if int64(tail-head) < 0 {
		return 0 // head is of a later moment, or tail lags
	}
	return min(tail-head, r.m.Cap) // more if head is of an earlier moment, or lags in a full ring
}

// HasRoom reports whether the positions leave room for a producer; always, where producers wait for
// no subscription, since only a claim holds one up there.
func (r *Ring) HasRoom() bool { return r.m.Geo.Skip || r.Depth() < r.m.Cap }

// HasQuarters reports whether a quarter of the ring is a slot at least.
func (r *Ring) HasQuarters() bool { return r.m.Cap >= 4 }

// Roomy reports whether a quarter of the ring is free, or producers wait for no subscription.
func (r *Ring) Roomy() bool {
	most := r.m.Cap - r.m.Cap/4
	if r.m.Geo.Each {
		return r.m.Geo.Skip || r.allWithin(most)
	}
	return r.Depth() <= most
}

// RoomWorthWaking reports whether sleeping producers should be woken while there is more
// to receive: when a quarter of the ring is free, so that a full ring costs a wake-up a
// quarter lap and not one a slot. A producer that has the turn waits for just its own
// slots and is always told. A consumer that finds nothing more wakes them for any room,
// so that it leaves no producer asleep.
func (r *Ring) RoomWorthWaking() bool { return r.Roomy() || r.TurnAsked() }

// RoomAtRest reports whether a consumer with nothing more to receive should wake sleeping
// producers: for any room, as nobody else may come. Where each consumer gets every record the
// slowest one comes later if it has more to receive, and then asks the same: before that the
// others would have the producer up for every record that it takes.
func (r *Ring) RoomAtRest() bool {
	if !r.m.Geo.Each || r.m.Geo.Skip {
		return r.HasRoom()
	}
	return r.roomOfSubscriptions()
}

// Skipped returns how many claims of dead producers were passed over.
func (r *Ring) Skipped() uint64 { return atomics.Load64(r.skipped) }

// Torn returns how many records were dropped because their checksum was wrong.
func (r *Ring) Torn() uint64 { return atomics.Load64(r.torn) }

// dropped counts a record that was dropped. A consumer that dies before this leaves the
// count one too small; one that dies before the drop leaves the record to be dropped.
func (r *Ring) dropped() { atomics.Add64(r.torn, 1) }

// Image returns the stamp of the boot, file and mount in which the queue is in use, or 0;
// see layout.HotImage.
func (r *Ring) Image() uint64 { return atomics.Load64(r.image) }

// SetImage stores the stamp.
//
// Preconditions: the caller holds layout.LockImage.
func (r *Ring) SetImage(stamp uint64) { atomics.Store64(r.image, stamp) }
