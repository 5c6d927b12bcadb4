package atomics

// StoreBarrier keeps stores that follow it, plain ones too, behind those that come before it. Here
// stores keep their order, but for non-temporal ones, which Go's memmove uses from 1 MiB on:
// those stay behind a locked instruction, which Store64 and CAS64 are.
//
// Preconditions: what came before is a Store64 or a CAS64.
func StoreBarrier() {}

// LoadBarrier keeps loads that follow it behind those that come before it, plain ones too. Here
// loads keep their order.
func LoadBarrier() {}
