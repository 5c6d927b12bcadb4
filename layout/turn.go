package layout

// Turn is the word HotTurn: 0, or that a producer asks the others to stand back.
//
//	 63                                         16          0
//	┌────────────────────────────────────────────┬──────────┐
//	│ millisecond at which the request lapses    │ seat + 1 │
//	└────────────────────────────────────────────┴──────────┘
//
// The millisecond is one of CLOCK_MONOTONIC, the low 48 bits of it: 8900 years.
type Turn uint64

const turnSeatBits = 16

// TurnOf is a request of seat that lapses at millisecond lapse.
func TurnOf(seat int, lapse uint64) Turn { return Turn(lapse<<turnSeatBits | uint64(seat+1)) }

// Seat returns the seat that asks, or -1. It comes from memory that others write: it may
// be none of the queue.
func (t Turn) Seat() int { return int(t&(1<<turnSeatBits-1)) - 1 }

// Lapse returns the millisecond at which the request lapses.
func (t Turn) Lapse() uint64 { return uint64(t >> turnSeatBits) }
