package layout

// Subscription entry fields, offsets from the entry's start. A subscription is to its holder
// what the single consumer's role is in other queues: a lock, a cursor, a handout. Its holder,
// and nobody else but a reclaimer, writes it, with the lock of the entry's first byte.
const (
	// SubCursor, u64, Cursor: the state and the position of the oldest record that this
	// subscription has not acknowledged. In a queue whose producers wait, what lies at or
	// behind the position, in either state but CursorFree, is not overwritten.
	// A holder that dies leaves it; a reclaimer stores 0 under the entry's lock, after it has looked
	// again, unless it is active and durable.
	SubCursor = 0 * LineSize

	// What was lost, FlagSkip only, in positions: a sum that changes with the cursor, by the same
	// store. It is SubLost if the cursor is at or behind SubLostAt, and SubLostWas if it is before
	// that. The holder stores the sum as it is to SubLostWas, the cursor that is to come to
	// SubLostAt, the sum that is to come to SubLost, and then the cursor. So a holder that dies
	// in between has lost nothing yet, for its successor loses the same again.
	//
	// A cursor at SubLostAt with two different sums says that the difference may not have been told
	// to anybody: it lies right before the cursor. They lie in the cursor's line, so that a disk has
	// them as they were at one moment.
	SubLost    = SubCursor + 8  // u64
	SubLostAt  = SubCursor + 16 // u64, a position
	SubLostWas = SubCursor + 24 // u64

	// SubHandout, u64: as HotHandout, of this subscription. Set to the start before the
	// cursor becomes active, for the entry may have been another's.
	SubHandout = 1 * LineSize

	// The rest of the entry is written while the cursor is joining, and means something
	// while it is active.

	SubDurable = 2 * LineSize    // u32, 1: stays when its holder is gone
	SubNameLen = SubDurable + 4  // u32, bytes of the name, 0 to SubNameN
	SubSince   = SubDurable + 8  // i64, Unix time in nanoseconds at which it was made
	SubStart   = SubDurable + 16 // u64, the position at which it began
	SubSeat    = SubDurable + 24 // u32, the seat of its holder; written again by who takes it over
	SubEnds    = SubDurable + 32 // u64, durable: the first end of a stream that it has not been told
	SubName    = SubDurable + 64 // [SubNameN]byte
	SubNameN   = 64
)

// Cursor is the word at SubCursor: two bits of state, and above them the position, whose
// upper two bits are lost: positions are compared modulo 2^62. All zero is free.
type Cursor uint64

// CursorShift is the number of bits of a cursor's state.
const CursorShift = 2

// States of a cursor.
const (
	CursorFree    = 0
	CursorJoining = 1 // the position holds producers back; the rest of the entry says nothing yet
	CursorActive  = 2
)

// MakeCursor returns the word of a state and a position.
func MakeCursor(state int, pos uint64) Cursor { return Cursor(pos<<CursorShift | uint64(state)) }

// State returns CursorFree, CursorJoining or CursorActive, or 3, which nobody writes.
func (c Cursor) State() int { return int(c & 3) }

// Near returns the cursor's position: the one nearest to ref of those that it may mean.
func (c Cursor) Near(ref uint64) uint64 {
	return ref + uint64(int64(uint64(c)&^3-ref<<CursorShift)>>CursorShift)
}
