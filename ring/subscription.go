package ring

import (
	"bytes"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// In a queue of which each consumer gets every record, a consumer has a subscription: an entry
// of the subscription table with a cursor, which is its head. No consumer writes slots, so any number
// of them reads the same record.
//
//	  head      cursor A       cursor B            tail
//	───┼───────────┼──────────────┼──────────────────┼───────── positions
//	   │ kept      │ not acknowledged by A           │ free
//	   └── may be overwritten up to here only: the least cursor, or what is kept
//
// A join and a producer's scan of the cursors are Dekker's pair, on the cursor and on head,
// which producers publish as the gate before they look at the cursors a second time (see
// producer_gate.go): either the scan sees the joining cursor, whose position is no later
// than where the subscription begins, or the subscription sees the gate and begins behind it.

// Subscription is an entry of the subscription table. The process that has locked its first byte
// writes it; any process reads it, and what it says of another's is a report.
type Subscription struct {
	r    *Ring
	base unsafe.Pointer
}

// Subscription returns entry i.
//
// Preconditions: 0 <= i < Geometry().Subscriptions.
func (r *Ring) Subscription(i int) Subscription { return Subscription{r, r.m.Subscription(i)} }

func (s Subscription) u32(off uintptr) *uint32 { return (*uint32)(unsafe.Add(s.base, off)) }
func (s Subscription) u64(off uintptr) *uint64 { return (*uint64)(unsafe.Add(s.base, off)) }
func (s Subscription) cursorAt() *uint64       { return s.u64(layout.SubCursor) }

// Cursor returns the word at SubCursor.
func (s Subscription) Cursor() layout.Cursor { return layout.Cursor(atomics.Load64(s.cursorAt())) }

// Position returns the position of the oldest record that the subscription has not
// acknowledged.
func (s Subscription) Position() uint64 {
	return s.Cursor().Near(atomics.Load64(s.r.tail))
}

// Durable reports whether the subscription stays when its holder is gone.
//
// Preconditions: the cursor is active.
func (s Subscription) Durable() bool { return atomic.LoadUint32(s.u32(layout.SubDurable)) == 1 }

// Kept reports whether nobody may clear the entry: it is active and durable.
func (s Subscription) Kept() bool {
	return s.Cursor().State() == layout.CursorActive && s.Durable()
}

// Name returns the name, as far as it is text; any peer can write it.
//
// Preconditions: the cursor is active.
func (s Subscription) Name() string {
	n := min(atomic.LoadUint32(s.u32(layout.SubNameLen)), layout.SubNameN)
	b := bytes.Clone(unsafe.Slice((*byte)(unsafe.Add(s.base, layout.SubName)), n))
	return strings.Map(printable, strings.ToValidUTF8(string(b), "?"))
}

// ValidName reports whether a name is one that a durable subscription may have: 1 to
// layout.SubNameN bytes of printable UTF-8.
func ValidName(name string) bool {
	return name != "" && len(name) <= layout.SubNameN && utf8.ValidString(name) && strings.Map(printable, name) == name
}

// Since returns when the subscription was made, in Unix nanoseconds.
func (s Subscription) Since() int64 { return int64(atomic.LoadUint64(s.u64(layout.SubSince))) }

// Start returns the position at which the subscription began.
func (s Subscription) Start() uint64 { return atomic.LoadUint64(s.u64(layout.SubStart)) }

// Handout returns the end of what was handed to the application.
func (s Subscription) Handout() uint64 { return atomics.Load64(s.u64(layout.SubHandout)) }

// Seat returns the seat of the holder, or of the last one.
func (s Subscription) Seat() int {
	return int(atomic.LoadUint32(s.u32(layout.SubSeat)) % uint32(s.r.m.Geo.Seats))
}

// Joining describes a new subscription.
type Joining struct {
	Seat   int
	Oldest bool   // begin at the oldest record that is whole, and not at the newest
	Name   string // of a durable one, "" if it is not
	Since  int64  // Unix nanoseconds
}

// Join makes a subscription. In a queue whose producers wait, nothing from its beginning on is
// overwritten before it has acknowledged it. A death inside leaves a joining cursor, which
// anybody clears; see Clear.
//
// Preconditions: the caller holds the entry's lock, and the entry is not Kept.
func (s Subscription) Join(j Joining) {
	r := s.r
	// Before tail: an end that comes in between is one of a stream that this subscription gets records of.
	ends := r.Ends()
	from := atomics.Load64(r.tail)
	if j.Oldest {
		from = r.oldest()
	}
	// The cursor comes before all else: what the entry says under an active cursor is its last
	// holder's.
	atomics.Store64(s.cursorAt(), uint64(layout.MakeCursor(layout.CursorJoining, from)))
	atomics.Fence()
	start := atomics.Load64(r.tail)
	if j.Oldest {
		start = r.firstWhole(r.oldest(), start)
	}
	durable := uint32(0)
	if j.Name != "" {
		durable = 1
	}
	atomic.StoreUint32(s.u32(layout.SubDurable), durable)
	atomic.StoreUint32(s.u32(layout.SubNameLen), uint32(len(j.Name)))
	var name [layout.SubNameN]byte
	copy(name[:], j.Name)
	copy(unsafe.Slice((*byte)(unsafe.Add(s.base, layout.SubName)), layout.SubNameN), name[:])
	atomic.StoreUint64(s.u64(layout.SubSince), uint64(j.Since))
	atomic.StoreUint64(s.u64(layout.SubStart), start)
	atomic.StoreUint32(s.u32(layout.SubSeat), uint32(j.Seat))
	atomic.StoreUint64(s.u64(layout.SubEnds), r.firstEnd(start, ends, j.Oldest))
	atomics.Store64(s.u64(layout.SubLostAt), start)
	atomics.Store64(s.u64(layout.SubLostWas), 0)
	atomics.Store64(s.u64(layout.SubLost), 0)
	atomics.Store64(s.u64(layout.SubHandout), start)
	atomics.Store64(s.cursorAt(), uint64(layout.MakeCursor(layout.CursorActive, start)))
}

// TakeOver makes a seat the holder of a durable subscription.
//
// Preconditions: the caller holds the entry's lock, and has found Kept and the name after that.
func (s Subscription) TakeOver(seat int) {
	atomic.StoreUint32(s.u32(layout.SubSeat), uint32(seat))
}

// Clear ends the subscription: producers wait for it no longer. Sleeping producers should be woken
// afterwards, and the lock be dropped after Clear, not before it: a successor's cursor would be
// cleared.
//
// Preconditions: the caller holds the entry's lock. Unless the subscription is its own, or is to be
// ended though it is durable, it has looked that the entry is not Kept, after it had the lock.
func (s Subscription) Clear() { atomics.Store64(s.cursorAt(), 0) }

// oldest returns the gate: what lies before it may have been overwritten.
func (r *Ring) oldest() uint64 {
	if !r.m.Geo.Skip {
		return atomics.Load64(r.head)
	}
	t := r.written()
	if h := t - r.m.Cap; int64(h) > 0 || t > 1<<63 {
		return h
	}
	return 0
}

// firstWhole returns the first position from p on at which a record, a filler or a claim
// begins, or end: the position of the next claim, which is one.
func (r *Ring) firstWhole(p, end uint64) uint64 {
	if end-p > r.m.Cap { // an old end, or scribble
		return end
	}
	for ; p != end; p++ {
		if w := r.m.Load(p); w.CompareLap(p, r.m.Shift) == 0 && w.State() != layout.Free {
			break
		}
	}
	return p
}

// Slowest returns the subscription that is farthest behind, and how many slots that is; -1 if there
// is none. It reads every entry.
func (r *Ring) Slowest() (entry int, lag uint64) {
	entry = -1
	t := atomics.Load64(r.tail)
	for i := range r.m.Geo.Subscriptions {
		c := r.Subscription(i).Cursor()
		if c == 0 {
			continue
		}
		if d := int64(t - c.Near(t)); entry < 0 || d > int64(lag) {
			entry, lag = i, uint64(max(d, 0))
		}
	}
	return entry, lag
}

// allWithin reports whether no subscription is more than so many slots behind. The one that was
// farthest at the last look comes first: while a producer sleeps each reader asks with each record,
// and mostly that one says it all.
func (r *Ring) allWithin(slots uint64) bool {
	atomics.Fence() // see Depth
	t := atomics.Load64(r.tail)
	if i := r.slowest.Load(); i < uint32(r.m.Geo.Subscriptions) {
		if c := r.Subscription(int(i)).Cursor(); c != 0 && int64(t-c.Near(t)) > int64(slots) {
			return false
		}
	}
	i, lag := r.Slowest()
	if i >= 0 {
		r.slowest.Store(uint32(i))
	}
	return lag <= slots
}

// roomOfSubscriptions is RoomAtRest. What the slowest subscription has handed out it may hold, and
// sleep: that does not count as to be received.
func (r *Ring) roomOfSubscriptions() bool {
	atomics.Fence() // see Depth
	i, lag := r.Slowest()
	if i < 0 || lag >= r.m.Cap || lag <= r.m.Cap-r.m.Cap/4 {
		return lag < r.m.Cap
	}
	s, t := r.Subscription(i), atomics.Load64(r.tail)
	return int64(t-later(s.Position(), s.Handout())) <= 0
}

// firstEnd returns the first end of a stream that is for a subscription that begins at start: with
// oldest the first one that is remembered and not before start, otherwise the one after ends, the
// last one before it began.
func (r *Ring) firstEnd(start, ends uint64, oldest bool) uint64 {
	if !oldest {
		return ends + 1
	}
	last := atomics.Load64(r.ends)
	first := last + 1
	for n := range uint64(layout.EndLogSize - 1) {
		at := last - n
		if at == 0 || int64(r.near(start, atomics.Load64(r.end(at, layout.EndMark)))-start) < 0 {
			break
		}
		first = at
	}
	return first
}
