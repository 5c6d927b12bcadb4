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
	// spinMin is what is left of a spin that is of no use, and every probeEach-th wait
	// tries in full whether it has become so. A prime does not meet the same one of
	// several partners each time.
	spinMin    = 4
	probeEach  = 31
	quickTries = 64
	// trustMax is how many spins in a row have to be of no use until spinning is not,
	// where it always was, and trustFirst where nothing is known.
	trustMax   = 16
	trustFirst = 8
)

// Spinner spins before a sleep as long as that has been of use more often than not lately.
// A spin lasts as long as a sleep costs, however quick the partner was: one that is quick,
// and once in a thousand times late by the few microseconds of an interrupt, is not slept
// for, since that would cost more than all that a shorter spin saves. Two ends on one core
// learn to sleep at once: neither can answer while the other spins. It is for one goroutine
// at a time.
type Spinner struct {
	policy Policy
	trust  int // 0: spinning is of no use
	waits  uint
}

// NewSpinner returns a Spinner for a policy.
func NewSpinner(p Policy) Spinner { return Spinner{policy: p, trust: trustFirst} }

// Quick returns how often a call tries again before it begins to wait; 0 if spinning is of no use.
// The tries take a microsecond or two. An answer that comes meanwhile is not late by what it
// takes to begin a wait and to end it, nor by a PAUSE, which near cores do without.
func (s *Spinner) Quick() int {
	if s.policy == Park || s.trust == 0 || runtime.NumCPU() == 1 {
		return 0
	}
	return quickTries
}

// Useful notes that one of the tries of Quick succeeded.
func (s *Spinner) Useful() { s.trust = min(s.trust+1, trustMax) }

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
	if s.waits++; s.trust > 0 || s.waits%probeEach == 0 {
		rounds = spinRounds
	}
	for n := range rounds {
		atomics.Pause(1 + uint32(n)/spinGrow)
		if try(n) {
			s.trust = min(s.trust+1, trustMax)
			return true
		}
	}
	s.trust = max(s.trust-1, 0)
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
