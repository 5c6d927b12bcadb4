package park

import (
	"runtime"

	"github.com/shmq/shmq/internal/atomics"
)

// A wait begins with a spin of some ten microseconds, about a third of what a sleep
// and a wake-up cost: a partner that is at work on another core usually answers
// within it. On a single core it can't answer before this one stops, so there is
// no spin.
const (
	spinRounds = 100
	spinPauses = 2 // a PAUSE takes 10 to 140 cycles, depending on the core
)

// Spins is how many rounds a wait spins before it sleeps.
func Spins() int {
	if runtime.NumCPU() == 1 {
		return 0
	}
	return spinRounds
}

// SpinRound passes one round.
func SpinRound() { atomics.Pause(spinPauses) }
