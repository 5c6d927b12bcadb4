package layout

import "fmt"

// Word is the control word of a slot: its first eight bytes, and the only
// bytes in a queue that name an owner. No payload ever lies over a Word,
// in any slot, in any lap; that is what makes every Word readable at any time.
//
// A position is a count of slots since the queue was made. With n = 2^shift
// slots, position p stands in slot p mod n, in lap p div n. The body of a Word
// is the position of its slot with the index bits, which the slot's place
// already tells, replaced by k, the number of slots that the word speaks for:
//
//	 63                                        4+shift       4   0
//	┌──────────────────────────────────────────┬─────────────┬────┐
//	│ lap                                      │ k           │ st │  Free Full Skip
//	└──────────────────────────────────────────┴─────────────┴────┘  Orphan OrphanAcked
//	 63                             14+shift      14          4   0
//	┌───────────────────────────────┬─────────────┬───────────┬────┐
//	│ lap, low bits                 │ k           │ seat      │ st │  Claimed Reading
//	└───────────────────────────────┴─────────────┴───────────┴────┘  ReadingAcked
//
// So an ownerless word carries sixty bits of position whatever the geometry:
// at 10^9 slots a second it repeats after 36 years. A word with an owner gives
// ten of those bits to the seat; it is changed by that owner alone, or by the
// holder of the dead owner's lock, so it need not be unique for long.
//
// The life of a slot's word where both sides are many:
//
//	                     owner dies, or aborts
//	           ┌─────────────────────────────────────► Skip ──┐
//	           │                                              │ next lap's
//	Free ─► Claimed ─► Full ─► Reading ─► Free (next lap) ◄───┘ producer
//	                             │  ▲
//	    owner dies, or releases  ▼  │ another consumer
//	                            Orphan
type Word uint64

// State is what a Word says of its slot.
type State uint8

const (
	// Free: the slot can be claimed in the word's lap. All-zero memory is
	// Free in lap 0, so a fresh file is an empty ring.
	Free State = iota
	// Claimed: the named seat, a producer, is writing k slots.
	Claimed
	// Full: a published record of k slots.
	Full
	// Reading: the named seat, a consumer, holds k slots, which may be
	// several records; the first is not acknowledged.
	Reading
	// ReadingAcked: as Reading, with the first record acknowledged. Of the
	// others those whose word is Full are not.
	ReadingAcked
	// Orphan: as Reading, without a holder. Any consumer may take it.
	Orphan
	// OrphanAcked: as ReadingAcked, without a holder.
	OrphanAcked
	// Skip: k slots that hold no record to deliver: a filler before the end
	// of the ring, an aborted or abandoned claim, or, inside a lease, an
	// acknowledged record.
	Skip
)

var stateNames = [...]string{"free", "claimed", "full", "reading", "reading-acked", "orphan", "orphan-acked", "skip"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("invalid(%d)", uint8(s))
}

// Owned reports whether words of this state name a seat.
func (s State) Owned() bool { return 1<<(s&stateMask)&(1<<Claimed|1<<Reading|1<<ReadingAcked) != 0 }

// Widths of the fixed fields of a Word, in bits.
const (
	StateBits = 4
	SeatBits  = 10
	stateMask = 1<<StateBits - 1
	seatMask  = 1<<SeatBits - 1
	ownedBits = StateBits + SeatBits
)

// MaxSeats is how many seats a Word can name.
const MaxSeats = 1 << SeatBits

// FreeWord is Free for the lap of position p.
func FreeWord(p uint64, shift uint) Word { return Word(firstOfLap(p, shift) << StateBits) }

// FullWord is a published record of k slots at position p.
func FullWord(p, k uint64, shift uint) Word { return unowned(Full, p, k, shift) }

// SkipWord is k slots at position p without a record.
func SkipWord(p, k uint64, shift uint) Word { return unowned(Skip, p, k, shift) }

// OrphanWord is k slots at position p whose reader is gone; acked tells
// whether the first record among them was acknowledged.
func OrphanWord(p, k uint64, acked bool, shift uint) Word {
	if acked {
		return unowned(OrphanAcked, p, k, shift)
	}
	return unowned(Orphan, p, k, shift)
}

// ClaimedWord is k slots at position p being written by seat.
func ClaimedWord(p, k uint64, seat int, shift uint) Word { return owned(Claimed, p, k, seat, shift) }

// ReadingWord is k slots at position p held by seat; acked tells whether the
// first record among them is acknowledged.
func ReadingWord(p, k uint64, seat int, acked bool, shift uint) Word {
	if acked {
		return owned(ReadingAcked, p, k, seat, shift)
	}
	return owned(Reading, p, k, seat, shift)
}

func unowned(s State, p, k uint64, shift uint) Word {
	return Word((firstOfLap(p, shift)|k)<<StateBits) | Word(s)
}

func owned(s State, p, k uint64, seat int, shift uint) Word {
	return Word((firstOfLap(p, shift)|k)<<ownedBits) | Word(seat)<<StateBits | Word(s)
}

// firstOfLap is the position that begins the lap of p. The mask changes nothing: it
// spares the compiler the question whether the shift is beyond the word.
func firstOfLap(p uint64, shift uint) uint64 { return p >> (shift & 63) << (shift & 63) }

// State returns what the word says of its slot. Memory that somebody scribbled
// on can hold values beyond Skip; they are no state.
func (w Word) State() State { return State(w & stateMask) }

// Seat returns the owner's seat. It means something only where State().Owned().
func (w Word) Seat() int { return int(w >> StateBits & seatMask) }

// Slots returns k, the number of slots the word speaks for. It comes from
// memory that others write: callers bound it before use.
func (w Word) Slots(shift uint) uint64 {
	b := w >> StateBits
	if w.State().Owned() {
		b = w >> ownedBits
	}
	return uint64(b) & (1<<(shift&63) - 1)
}

// CompareLap tells whether the word was written in the lap of position p (0),
// before it (negative) or after it (positive), modulo the bits that the word
// has for its lap.
func (w Word) CompareLap(p uint64, shift uint) int64 {
	drop := uint(StateBits)
	if w.State().Owned() {
		drop = ownedBits
	}
	return int64((firstOfLap(uint64(w)>>(drop&63), shift) - firstOfLap(p, shift)) << (drop & 63))
}

// Position returns the position that the word of slot i speaks of: of those it
// can mean, the one nearest to ref. Words without an owner carry sixty bits of
// it, words with an owner fifty.
func (w Word) Position(i, ref uint64, shift uint) uint64 {
	drop := uint(StateBits)
	if w.State().Owned() {
		drop = ownedBits
	}
	laps := w.CompareLap(ref, shift) >> drop
	return firstOfLap(ref, shift) + uint64(laps) | i
}
