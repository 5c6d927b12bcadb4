//go:build !amd64 || race

package atomics

import "sync/atomic"

// MarkIsOrdered tells whether a load that follows Mark32 in program order, by a function of
// sync/atomic, is also performed after it.
const MarkIsOrdered = true

// Mark32 is a release store to a word in this process's own memory, which functions of
// sync/atomic load. On arm64 atomic.Store is that: STLR, which a later LDAR does not overtake.
func Mark32(p *uint32, v uint32) { atomic.StoreUint32(p, v) }
