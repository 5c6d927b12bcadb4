// Package region gives names to the bytes of a queue: its hot words, its slots' words,
// the payload of its records and their checksums. Which participant may write
// what, and when, is decided in package ring; package inspect only reads.
package region

import (
	"fmt"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// Region is a view of the bytes of a queue. Its fields are set once; it is safe for
// concurrent use.
type Region struct {
	Geo   layout.Geometry
	Shift uint
	Mask  uint64 // slots - 1
	Cap   uint64 // slots
	Area  uint64 // bytes of one data area
	Line  int    // payload bytes that fit into a slot's line
	Plain bool   // records have neither checksums nor time stamps: the short ways serve

	base    unsafe.Pointer
	subs    unsafe.Pointer // subscription table
	slots   unsafe.Pointer // slot lines
	inlines unsafe.Pointer // where in the first of them an inline payload starts
	data    unsafe.Pointer // data areas
}

// New returns a view of bytes, which hold a queue of geometry g from the first one on.
//
// Preconditions: g passed Check; the bytes stay valid, and do not move, for as long as
// the Region is used.
func New(bytes []byte, g layout.Geometry) (Region, error) {
	if err := g.Check(); err != nil {
		return Region{}, fmt.Errorf("ring: %w", err)
	}
	if uint64(len(bytes)) < g.TotalSize() {
		return Region{}, fmt.Errorf("ring: region of %d bytes, geometry needs %d", len(bytes), g.TotalSize())
	}
	base := unsafe.Pointer(unsafe.SliceData(bytes))
	if uintptr(base)%layout.LineSize != 0 {
		return Region{}, fmt.Errorf("ring: region is not aligned to %d bytes", layout.LineSize)
	}
	return Region{
		Geo:     g,
		Shift:   g.Shift(),
		Mask:    g.Slots - 1,
		Cap:     g.Slots,
		Area:    g.AreaSize,
		Line:    g.InlineSize(),
		Plain:   !g.Checksum && !g.Timestamps,
		base:    base,
		subs:    unsafe.Add(base, g.SubscriptionOffset()),
		slots:   unsafe.Add(base, g.SlotOffset()),
		inlines: unsafe.Add(base, g.SlotOffset()+uint64(g.InlineOffset())),
		data:    unsafe.Add(base, g.DataOffset()),
	}, nil
}

// Hot returns the hot word at off, one of layout.Hot*.
func (r *Region) Hot(off uintptr) *uint64 {
	return (*uint64)(unsafe.Add(r.base, layout.HotOffset+off))
}

// Futex returns the futex word at off, one of layout.Hot*Futex.
func (r *Region) Futex(off uintptr) *uint32 { return (*uint32)(unsafe.Pointer(r.Hot(off))) }

// Seat returns the first byte of entry i of the seat table.
//
// Preconditions: i >= 0. A seat that the table does not have is one that it has.
func (r *Region) Seat(i int) unsafe.Pointer {
	return unsafe.Add(r.base, layout.SeatOffset+uintptr(i)%uintptr(r.Geo.Seats)*layout.SeatSize)
}

// Subscription returns the first byte of entry i of the subscription table.
//
// Preconditions: i >= 0, and the queue has a table. An entry that it does not have is one that
// it has.
func (r *Region) Subscription(i int) unsafe.Pointer {
	return unsafe.Add(r.subs, uintptr(i)%uintptr(r.Geo.Subscriptions)*layout.SubscriptionSize)
}

// CursorAt returns the cursor of entry i of the subscription table.
//
// Preconditions: 0 <= i < Geo.Subscriptions.
func (r *Region) CursorAt(i int) *uint64 {
	return (*uint64)(unsafe.Add(r.subs, uintptr(i)*layout.SubscriptionSize+layout.SubCursor))
}

// LineAt returns the first byte of the line of position p's slot.
func (r *Region) LineAt(p uint64) unsafe.Pointer {
	return unsafe.Add(r.slots, (p&r.Mask)*layout.SlotSize)
}

// AreaAt returns the first byte of the data area of position p's slot.
func (r *Region) AreaAt(p uint64) unsafe.Pointer { return unsafe.Add(r.data, (p&r.Mask)*r.Area) }

// WordAt returns the word of position p's slot.
func (r *Region) WordAt(p uint64) *uint64 { return (*uint64)(r.LineAt(p)) }

// Load reads the word of position p's slot.
func (r *Region) Load(p uint64) layout.Word { return layout.Word(atomics.Load64(r.WordAt(p))) }

// CAS changes the word of position p's slot.
func (r *Region) CAS(p uint64, old, new layout.Word) bool {
	return atomics.CAS64(r.WordAt(p), uint64(old), uint64(new))
}

// Store publishes a word that the caller owns.
func (r *Region) Store(p uint64, w layout.Word) { atomics.StoreRelease64(r.WordAt(p), uint64(w)) }

// runPiece is how many slots one call of a loop that can't be preempted works on.
const runPiece = 4096

// StoreRun publishes w in n words from position p on, one after the other, and asks for the line that is so many
// slots ahead of each. The run does not cross the end of the ring.
func (r *Region) StoreRun(p, n uint64, w layout.Word, ahead uint64) {
	for n > 0 {
		k := min(n, runPiece)
		atomics.StoreReleaseRun64(r.slots, (p&r.Mask)*layout.SlotSize, r.Mask*layout.SlotSize, k, uint64(w), ahead*layout.SlotSize)
		p, n = p+k, n-k
	}
}

// StoreRunDown publishes w in n words from position p on, the last one first. The run does not cross the end of the ring.
func (r *Region) StoreRunDown(p, n uint64, w layout.Word) {
	for n > 0 {
		k := min(n, runPiece)
		atomics.StoreReleaseDown64(r.WordAt(p+n-1), k, uint64(w))
		n -= k
	}
}

// Run returns how many words from position p on, most at most, are w. It ends at the end of the ring.
func (r *Region) Run(p, most uint64, w layout.Word) (n uint64) {
	line := r.LineAt(p)
	for most = min(most, r.Cap-p&r.Mask); n < most; n++ {
		if atomics.Load64((*uint64)(unsafe.Add(line, n*layout.SlotSize))) != uint64(w) {
			break
		}
	}
	return n
}

// Span returns the k that a word found at position p claims to speak for, or 0 when no
// participant writes such a k. A caller that advances by a span checks for 0 first: a
// helper that advances by nothing would never end.
func (r *Region) Span(p uint64, w layout.Word) uint64 {
	k := w.Slots(r.Shift)
	if k > r.Cap-p&r.Mask {
		return 0
	}
	return k
}

// SlotsFor returns how many slots a payload of n bytes takes.
func (r *Region) SlotsFor(n int) uint64 {
	if uint64(n) <= r.Area {
		return 1
	}
	return (uint64(n) + r.Area - 1) / r.Area
}
