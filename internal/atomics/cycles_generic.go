//go:build !(amd64 || arm64)

package atomics

import "time"

// HaveCycles tells whether Cycles reads a counter of the machine.
const HaveCycles = false

// Cycles is Unix time in nanoseconds where the machine has no counter to read.
func Cycles() uint64 { return uint64(time.Now().UnixNano()) }
