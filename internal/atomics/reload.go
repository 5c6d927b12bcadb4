package atomics

import "sync/atomic"

// Reload64 loads p after every load that came before in program order, plain ones
// too: what was read under a word is of that word's time if the word is still there.
// Load64 does not promise that. On arm64 it is LDAR, which holds back what follows
// it, not what came before; the store to a word of one's own is STLR, which waits for
// what came before, and LDAR waits for STLR. On amd64 loads keep their order.
func Reload64(p *uint64) uint64 {
	step(p, OpLoad)
	var own uint64
	atomic.StoreUint64(&own, 1)
	return atomic.LoadUint64(p)
}
