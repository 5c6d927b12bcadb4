package shared

import (
	"time"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
)

// Bell is a word at which one end sleeps and which the other one rings. No ring is lost: the
// sleeper sets the word, and looks once more for what it waits for before it sleeps; whoever
// has changed what it waits for looks at the word afterwards. Between its two steps each has a
// full barrier, so one of them sees what the other did. Whoever clears the word has to wake
// the sleeper, so each sleep costs one wake-up at most.
//
// A sleeper dozes first: a thread of it sleeps on the word itself, a futex, and a ring is one
// system call here and one return there. After a while it goes on to sleep without a thread,
// until a byte comes over the socket. An end that dies between clearing the word and waking
// is noticed by its socket; one that is stopped there leaves a sleeper asleep until it goes on,
// or a dozing one until it looks by itself.
//
// Either end may write anything here. The worst are wake-ups without need, and none.
type Bell struct{ word *uint32 }

// What a word says.
const (
	awake  = 0
	dozing = 1 // in a futex wait
	asleep = 2 // any other value: until a byte comes
)

// Doze says that this end is about to doze. The caller looks once more, and then calls Wait
// or Up.
func (b Bell) Doze() { atomics.Store32(b.word, dozing) }

// Wait dozes while the word stands, and *own, a word of this process, is 0, but at most d.
func (b Bell) Wait(own *uint32, d time.Duration) { _ = sys.WaitTwo(b.word, dozing, own, d) }

// Deeper makes of dozing sleeping, and reports false if somebody has rung.
func (b Bell) Deeper() bool { return atomics.CAS32(b.word, dozing, asleep) }

// Sleep says that this end is about to sleep until a byte comes. The caller looks once more.
func (b Bell) Sleep() { atomics.Store32(b.word, asleep) }

// Up says that this end is awake.
func (b Bell) Up() { atomics.Store32(b.word, awake) }

// Hung reports whether somebody may be asleep, for whoever asks more before it rings.
func (b Bell) Hung() bool {
	atomics.Fence()
	return atomics.Load32(b.word) != awake
}

// Ring wakes the other end if it sleeps; send sends it a byte. The caller has changed what it
// waits for.
func (b Bell) Ring(send func()) {
	atomics.Fence()
	b.RingHung(send)
}

// RingHung is Ring after Hung.
func (b Bell) RingHung(send func()) {
	w := atomics.Load32(b.word)
	if w == awake || !atomics.CAS32(b.word, w, awake) {
		return
	}
	if w == dozing {
		_, _ = sys.Wake(b.word, 1) // fails only for an address that is not mapped
		return
	}
	send()
}
