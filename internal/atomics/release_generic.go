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

// StoreReleaseRun64 stores v as StoreRelease64 does, to n words one after the other: the first is off bytes behind
// base, each next one a line behind. Elsewhere it also asks for lines ahead.
func StoreReleaseRun64(base unsafe.Pointer, off, _, n, v, _ uint64) {
	for ; n > 0; n-- {
		StoreRelease64((*uint64)(unsafe.Add(base, off)), v)
		off += 64
	}
}

// StoreReleaseDown64 stores v as StoreRelease64 does, to n words one after the other, the first at last and each next
// one a line before.
func StoreReleaseDown64(last *uint64, n, v uint64) {
	for i := range int(n) {
		StoreRelease64((*uint64)(unsafe.Add(unsafe.Pointer(last), -64*i)), v)
	}
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
