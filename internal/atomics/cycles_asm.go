//go:build amd64 || arm64

package atomics

// HaveCycles tells whether Cycles reads a counter of the machine.
const HaveCycles = true

// Cycles reads the counter that runs at a constant rate, the same on all cores: the
// time stamp counter on amd64, the virtual count on arm64. It costs a fraction of
// time.Now, and the length of a tick is not told. Neighbouring instructions may overtake it.
func Cycles() uint64
