//go:build !amd64 && !arm64

package atomics

// StoreBarrier keeps stores that follow it, plain ones too, behind those that come before it.
func StoreBarrier() { Fence() }

// LoadBarrier keeps loads that follow it behind those that come before it, plain ones too.
func LoadBarrier() { Fence() }
