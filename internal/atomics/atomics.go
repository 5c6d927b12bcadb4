// Package atomics has the few memory operations that the ring is made of:
// sequentially consistent loads and read-modify-writes from sync/atomic, and
// the release store that sync/atomic lacks.
//
// Go's atomic.Store is XCHG on amd64: it waits until the store buffer is
// empty, so a publisher would wait for the cache misses of the payload it has
// just written. A release store (a plain MOV on amd64, STLR on arm64) orders
// what came before and waits for nothing. Elsewhere, and under the race
// detector, which must see the hand-over, sync/atomic serves.
//
// Every function is safe for concurrent use and takes naturally aligned
// addresses. With the build tag shmqstep each calls a hook first, so that a
// test can choose the interleaving; see step_on.go.
package atomics

import "sync/atomic"

// Load64 loads with acquire semantics.
func Load64(p *uint64) uint64 {
	step(p, OpLoad)
	return atomic.LoadUint64(p)
}

// Load32 loads with acquire semantics.
func Load32(p *uint32) uint32 {
	step(p, OpLoad)
	return atomic.LoadUint32(p)
}

// CAS64 is a compare-and-swap with a full fence.
func CAS64(p *uint64, old, new uint64) bool {
	step(p, OpRMW)
	return atomic.CompareAndSwapUint64(p, old, new)
}

// CAS32 is a compare-and-swap with a full fence.
func CAS32(p *uint32, old, new uint32) bool {
	step(p, OpRMW)
	return atomic.CompareAndSwapUint32(p, old, new)
}

// Add64 adds with a full fence and returns the new value.
func Add64(p *uint64, d uint64) uint64 {
	step(p, OpRMW)
	return atomic.AddUint64(p, d)
}

// Store64 stores with a full fence after it, for words off the hot path.
func Store64(p *uint64, v uint64) {
	step(p, OpStore)
	atomic.StoreUint64(p, v)
}

// Store32 stores with a full fence after it, for words off the hot path.
func Store32(p *uint32, v uint32) {
	step(p, OpStore)
	atomic.StoreUint32(p, v)
}

// Op tells a step hook what is about to happen.
type Op uint8

// The operations a hook sees.
const (
	OpLoad Op = iota
	OpStore
	OpRMW
)

// Fence is a full memory barrier, for a publisher that is not registered for
// the barrier that sleepers issue.
func Fence() {
	var own uint32
	atomic.AddUint32(&own, 1)
}
