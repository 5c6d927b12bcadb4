//go:build !(amd64 || arm64) || race || shmqstep

package atomics

import (
	"sync/atomic"
	"unsafe"
)

// StoreRelease64 stores v after everything that came before in program order.
func StoreRelease64(p *uint64, v uint64) {
	step(p, OpStore)
	atomic.StoreUint64(p, v)
}

// StoreRelease64x2 stores v at p, then w at q, each as StoreRelease64 does.
func StoreRelease64x2(p *uint64, v uint64, q *uint64, w uint64) {
	StoreRelease64(p, v)
	StoreRelease64(q, w)
}

// StoreReleaseAsking64 is StoreRelease64. Elsewhere it also asks for the line at ahead.
func StoreReleaseAsking64(p *uint64, v uint64, _ unsafe.Pointer) { StoreRelease64(p, v) }

// StoreReleaseAsking64x2 is StoreRelease64x2. Elsewhere it also asks for the line at ahead.
func StoreReleaseAsking64x2(p *uint64, v uint64, q *uint64, w uint64, _ unsafe.Pointer) {
	StoreRelease64x2(p, v, q, w)
}

// Pause tells the core n times that this is a spin loop.
func Pause(n uint32) {
	var sink uint32
	for range n {
		atomic.LoadUint32(&sink)
	}
}

// Prefetch asks for the line at p, to be read. Here it does nothing.
func Prefetch(unsafe.Pointer) {}

// PrefetchWrite asks for the line at p, to be written. Here it does nothing.
func PrefetchWrite(unsafe.Pointer) {}
