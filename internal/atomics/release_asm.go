//go:build (amd64 || arm64) && !race && !shmqstep

package atomics

// StoreRelease64 stores v after everything that came before in program order.
//
//go:noescape
func StoreRelease64(p *uint64, v uint64)

// StoreRelease64x2 stores v at p, then w at q, each as StoreRelease64 does. A
// record's word and the tail behind it go out in one call.
//
//go:noescape
func StoreRelease64x2(p *uint64, v uint64, q *uint64, w uint64)

// Pause tells the core n times that this is a spin loop.
//
//go:noescape
func Pause(n uint32)

// PrefetchWrite asks for the line at p in a state that can be written. It never
// faults.
//
//go:noescape
func PrefetchWrite(p *uint64)
