// Package park puts participants to sleep and wakes them, without a lost wake-up
// and without a fence on the side that publishes.
//
// A futex word in the queue's header stands for each direction: bit 0 says that
// a participant may be asleep, the rest counts.
//
//	sleeper                                  publisher
//	1 set bit 0                              1 store the record (release)
//	2 barrier in every registered process    2 load the word; bit 0 clear: done
//	3 try the queue again                    3 wake one; woke one: done
//	4 sleep while the word is unchanged      4 clear bit 0, count up; then wake all
//
// Either the publisher's load sees the bit, or the sleeper's second try sees the
// record: the barrier (membarrier, GLOBAL_EXPEDITED) stands between the sleeper's
// store and its try, and, since it also runs on the publisher's core, between
// the publisher's store and its load. So the publisher pays for one load of a
// line that hardly ever changes.
//
// The last wake of step 4 is not decoration. Between a wake that found no sleeper and
// the clearing, another may have gone to sleep on the old value.
//
// The bit is a flag and no count because a sleeper that is killed can't take itself
// off a count. A record that a killed sleeper was woken for is found by the others at the
// end of their own sleep: each ends after Heartbeat at the latest.
package park

import (
	"time"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
)

// Heartbeat bounds every sleep. It is what the death of a participant costs the
// others at most, and ten wake-ups a second are what idling costs.
const Heartbeat = 100 * time.Millisecond

// slice bounds a sleep where the kernel refuses the barrier, so that a wake-up may
// be missed, or refuses to wait for two words, so that a cancellation may.
const slice = 2 * time.Millisecond

const asleep = 1

// Armed reports whether a participant may be asleep on the word. The publisher asks
// after each publication.
func Armed(word *uint32) bool { return atomics.Load32(word)&asleep != 0 }

// WakeOne wakes a sleeper, if there is any. Where it finds none it clears the
// flag, and then wakes all that came in between. It returns how many it woke.
func WakeOne(word *uint32) int {
	if n, _ := sys.Wake(word, 1); n > 0 {
		return n
	}
	w := atomics.Load32(word)
	if w&asleep != 0 && atomics.CAS32(word, w, (w&^asleep)+2) {
		n, _ := sys.WakeAll(word)
		return n
	}
	return 0
}

// WakeAll wakes every sleeper: for news that is for all of them, such as the end
// of the stream. It returns how many it woke.
func WakeAll(word *uint32) int {
	w := atomics.Load32(word)
	if w&asleep != 0 {
		atomics.CAS32(word, w, (w&^asleep)+2)
	}
	n, _ := sys.WakeAll(word)
	return n
}
