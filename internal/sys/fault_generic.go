//go:build !(linux && (amd64 || arm64))

package sys

// GuardFaults returns nil: there is no handler for this machine.
func GuardFaults([]byte) *uint32 { return nil }

// UnguardFaults does nothing.
func UnguardFaults([]byte) {}

// FaultHandlerReplaced says no: there is none.
func FaultHandlerReplaced() bool { return false }
