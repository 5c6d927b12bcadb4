package park

import (
	"context"
	"runtime"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/sys"
)

// Policy says how to wait.
type Policy uint8

// The policies, told in the shmq package.
const (
	SpinThenPark Policy = iota
	Spin
	Park
)

// A spin of spinRounds takes some forty microseconds, about what a sleep and a wake-up
// cost in a virtual machine: so the two together never cost twice the better one.
// Rounds become longer, so that a quick answer is seen quickly and a late one is waited
// for without much noise on the bus. A PAUSE takes 10 to 140 cycles.
const (
	spinRounds = 320
	spinGrow   = 32 // rounds until a round has one PAUSE more
	// spinSafe is what a spin that has been of use lately lasts at least, so that a
	// partner that is quick, and once a little late, is not slept for.
	spinSafe = 64
	// spinMin is what is left of a spin that is never of use, and every
	// probeEach-th wait tries in full whether it has become so.
	spinMin   = 4
	probeEach = 32
)

// Spinner spins before a sleep, for as long as that has been of use lately: the
// scheme of adaptive mutexes, twice the running average of the rounds it took. Two
// ends on one core learn from it to sleep at once: neither can answer while the other
// spins. It is for one goroutine at a time.
type Spinner struct {
	policy  Policy
	average int // of the rounds that spins took that were of use, times 8
	waits   uint
}

// NewSpinner returns a Spinner for a policy.
func NewSpinner(p Policy) Spinner { return Spinner{policy: p, average: 8 * spinRounds / 2} }

// Spin calls try until it returns true, and reports whether it did, within the time
// that the policy has for it. try is told how many rounds went by before. Spin ends
// early, with false, when ctx does: it asks now and then.
func (s *Spinner) Spin(ctx context.Context, try func(round int) bool) bool {
	switch {
	case s.policy == Park:
		return false
	case s.policy == Spin:
		return spinOn(ctx, try)
	case runtime.NumCPU() == 1:
		return false // no other thread can answer
	}
	rounds := spinMin
	if s.average >= 8 {
		rounds = min(spinRounds, s.average/4+spinSafe)
	}
	if s.waits++; s.waits%probeEach == 0 {
		rounds = spinRounds
	}
	for n := range rounds {
		atomics.Pause(1 + uint32(n)/spinGrow)
		if try(n) {
			// Up at once, down slowly: a spin that was almost too short has to be
			// longer next time.
			n++
			s.average = max(8*n, s.average+n-s.average/8)
			return true
		}
	}
	s.average -= s.average / 8
	return false
}

// spinOn spins until try or ctx ends it. After a while it lets others have the core,
// goroutines and processes, between two rounds.
func spinOn(ctx context.Context, try func(round int) bool) bool {
	for n := 0; ; n++ {
		atomics.Pause(1)
		if try(n) {
			return true
		}
		if n < 16*spinRounds && runtime.NumCPU() > 1 || n%64 != 0 {
			continue
		}
		if ctx.Err() != nil {
			return false
		}
		runtime.Gosched()
		sys.Yield()
	}
}
