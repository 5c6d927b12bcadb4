package inspect

import (
	"math/bits"
	"time"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// A participant notes, by Counters.Hold, when it began to hold something, for users that look at
// the queue; nothing acts upon it. time.Now costs as much as a record does, so the note is
// a reading of the processor's counter. The entry has one of the time of attaching,
// too; between that and the present, the reader finds out what a tick is.

// HeldSince returns when the participant whose counters are c began to hold something; false when it holds
// nothing, or does not tell. attached is when it attached, now is the present, in Unix
// nanoseconds, and ticks what atomics.Cycles returns now. All that others wrote may be
// wrong: what can't be right is not told, and what is told lies between attached and
// now.
func HeldSince(c ring.Counters, attached, now int64, ticks uint64) (time.Time, bool) {
	if c.HeldSince == 0 || attached <= 0 || now < attached {
		return time.Time{}, false
	}
	at := func(ns int64) (time.Time, bool) { return time.Unix(0, ns).UTC(), true }
	switch {
	case c.Clock == layout.ClockUnix:
		return at(min(max(int64(c.HeldSince), attached), now))
	case c.Clock != layout.ClockCPU || !atomics.HaveCycles:
		return time.Time{}, false
	}
	// A counter that did not go on since attaching started anew, with the machine.
	elapsed := ticks - c.ClockStart
	if ticks <= c.ClockStart {
		return time.Time{}, false
	}
	// Cores may disagree by some ticks.
	held := c.HeldSince - c.ClockStart
	switch {
	case c.HeldSince < c.ClockStart:
		held = 0
	case held > elapsed:
		held = elapsed
	}
	// held <= elapsed, so the quotient fits, as Div64 demands.
	hi, lo := bits.Mul64(held, uint64(now-attached))
	ns, _ := bits.Div64(hi, lo, elapsed)
	return at(attached + int64(ns))
}
