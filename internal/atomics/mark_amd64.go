//go:build !race

package atomics

// MarkIsOrdered tells whether a load that follows Mark32 in program order, by a function of
// sync/atomic, is also performed after it. Here it may be performed before: whoever relies
// on the order has to issue a barrier on behalf of the goroutine that marks.
const MarkIsOrdered = false

// Mark32 is a release store to a word in this process's own memory, which functions of
// sync/atomic load. On amd64 every store is one (TSO), so it is the plain store of Go, which
// is inlined: a third of a nanosecond, where the call of StoreRelease64 is three times that
// and atomic.Store a dozen. The compiler keeps it in its place: it orders all stores, calls and
// atomic operations of a function by the memory that each leaves to the next.
func Mark32(p *uint32, v uint32) { *p = v }
