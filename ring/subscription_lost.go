package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// What a subscription lost is counted by the store that moves its cursor, whatever happens to its
// holder; see layout.SubLost:
//
//	                     cursor   Was   At      Lost   the sum is
//	before                  100     7    90       9       9, since 90 was passed
//	Was := the sum          100     9    90       9       9
//	At := cursor to come    100     9   160       9       9, since 160 was not passed
//	Lost := sum to come     100     9   160      49       9
//	cursor                  160     9   160      49      49
//	Was := Lost             160    49   160      49      49, and was told
//
// A successor that finds a cursor before At loses what its predecessor was about to lose, since
// positions that were overwritten stay so, and begins with Was again.

// Lost returns at how many positions the subscription was lapped. From outside it may be of a
// moment ago.
func (s Subscription) Lost() (n uint64) {
	for range 16 { // more only if its holder does nothing but jump
		c := s.Cursor() // first: behind a cursor that has passed At is the sum that came with it
		at := atomics.Load64(s.u64(layout.SubLostAt))
		n = atomics.Load64(s.u64(layout.SubLost))
		if int64(c.Near(at)-at) < 0 {
			n = atomics.Load64(s.u64(layout.SubLostWas))
		}
		if atomics.Load64(s.u64(layout.SubLostAt)) == at {
			break
		}
	}
	return n
}

// willLose prepares a cursor that passes lost positions, up to the store of the cursor itself. It
// returns the sum.
//
// Preconditions: the caller holds the entry's lock; the cursor is before next.
func (s Subscription) willLose(next, lost uint64) (sum uint64) {
	sum = s.Lost()
	atomics.Store64(s.u64(layout.SubLostWas), sum)
	atomics.Store64(s.u64(layout.SubLostAt), next)
	sum += lost
	atomics.Store64(s.u64(layout.SubLost), sum)
	return sum
}

// toldLost says that all that was lost was told, but for so many positions right before the cursor.
//
// Preconditions: as of willLose; the cursor has passed SubLostAt.
func (s Subscription) toldLost(but uint64) {
	atomics.Store64(s.u64(layout.SubLostWas), atomics.Load64(s.u64(layout.SubLost))-but)
}

// untold returns what the last holder may have lost without a word to anybody, right before the
// cursor.
func (s Subscription) untold() (l Lagged, ok bool) {
	at := atomics.Load64(s.u64(layout.SubLostAt))
	n := atomics.Load64(s.u64(layout.SubLost)) - atomics.Load64(s.u64(layout.SubLostWas))
	return Lagged{From: at - n, To: at}, n != 0 && s.Cursor().Near(at) == at
}
