package shmq

import (
	"fmt"

	"github.com/shmq/shmq/internal/park"
)

// WaitPolicy says how a call waits for room or for a record. What it costs is told
// in docs/benchmarks.md.
type WaitPolicy uint8

const (
	// SpinThenPark spins for some microseconds and then sleeps. How long it spins
	// follows from how often that was of use: next to nothing for a partner that is
	// slow or shares the core.
	SpinThenPark = WaitPolicy(park.SpinThenPark)
	// Spin never sleeps: the lowest latency, for a whole core. Once a wait has taken
	// a while it gives the core away again and again, so that two ends on one core
	// still get on.
	Spin = WaitPolicy(park.Spin)
	// Park sleeps at once: the least CPU, at the price of a wake-up for each wait.
	Park = WaitPolicy(park.Park)
)

var policyNames = [...]string{SpinThenPark: "spin-then-park", Spin: "spin", Park: "park"}

func (w WaitPolicy) String() string {
	if int(w) < len(policyNames) {
		return policyNames[w]
	}
	return fmt.Sprintf("invalid(%d)", uint8(w))
}

// MarshalText returns the policy's name.
func (w WaitPolicy) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText takes "spin-then-park", "spin" or "park".
func (w *WaitPolicy) UnmarshalText(b []byte) error {
	for i, name := range policyNames {
		if name == string(b) {
			*w = WaitPolicy(i)
			return nil
		}
	}
	return fmt.Errorf("%w: %q is none of spin-then-park, spin and park", ErrOption, b)
}
