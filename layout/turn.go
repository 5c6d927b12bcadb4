package layout

// Turn is the word HotTurn: 0, or that a producer asks the others to leave it what comes
// free from a position on, until a time.
//
//	 63                     38                      12           0
//	┌───────────────────────┬───────────────────────┬────────────┐
//	│ lapse, low 26 bits    │ limit, low 26 bits    │ seat + 1   │
//	└───────────────────────┴───────────────────────┴────────────┘
//
// lapse is a millisecond of CLOCK_MONOTONIC; it comes again after 18 hours. limit is a
// position, four laps of the largest ring. Both mean the value nearest to what they are
// compared with. The word is advice: one that is wrong costs time, and little of that.
type Turn uint64

const (
	turnSeatBits = 12
	turnBits     = 26
	turnSeatMask = 1<<turnSeatBits - 1
	turnMask     = 1<<turnBits - 1
)

// TurnOf is a request of seat, until millisecond lapse, to leave it the positions from
// limit on.
func TurnOf(seat int, lapse, limit uint64) Turn {
	return Turn(lapse<<(turnSeatBits+turnBits) | limit&turnMask<<turnSeatBits | uint64(seat+1))
}

// Seat returns the seat that asks, or -1. It comes from memory that others write: it may
// be none of the queue.
func (t Turn) Seat() int { return int(t&turnSeatMask) - 1 }

// Left returns how many milliseconds the request has left at millisecond now; 0 or less
// when it has lapsed.
func (t Turn) Left(now uint64) int64 {
	return nearest(uint64(t>>(turnSeatBits+turnBits)) - now)
}

// Before returns how many positions there are from p on before the limit; 0 or less when
// p is not before it.
func (t Turn) Before(p uint64) int64 { return nearest(uint64(t>>turnSeatBits) - p) }

// nearest extends the sign of a difference of turnBits bits.
func nearest(d uint64) int64 { return int64(d<<(64-turnBits)) >> (64 - turnBits) }
