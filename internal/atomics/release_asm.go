//go:build (amd64 || arm64) && !race && !shmqstep

package atomics

import "unsafe"

// StoreRelease64 stores v after everything that came before in program order.
//
//go:noescape
func StoreRelease64(p *uint64, v uint64)

// StoreRelease64x2 stores v at p, then w at q, each as StoreRelease64 does. A
// record's word and the tail behind it go out in one call.
//
//go:noescape
func StoreRelease64x2(p *uint64, v uint64, q *uint64, w uint64)

// StoreReleaseAsking64 is StoreRelease64, and then asks for the line at ahead, to be written: see
// PrefetchWrite.
//
//go:noescape
func StoreReleaseAsking64(p *uint64, v uint64, ahead unsafe.Pointer)

// StoreReleaseAsking64x2 is StoreRelease64x2, and then asks for the line at ahead.
//
//go:noescape
func StoreReleaseAsking64x2(p *uint64, v uint64, q *uint64, w uint64, ahead unsafe.Pointer)

// StoreReleaseRun64 stores v as StoreRelease64 does, to n words one after the other: the first is off bytes behind
// base, each next one a line behind. After each it asks for the line that is ahead bytes behind its word, to be
// written; there offsets go round behind mask.
//
//go:noescape
func StoreReleaseRun64(base unsafe.Pointer, off, mask, n, v, ahead uint64)

// StoreReleaseDown64 stores v as StoreRelease64 does, to n words one after the other, the first at last and each next
// one a line before.
//
//go:noescape
func StoreReleaseDown64(last *uint64, n, v uint64)

// Pause tells the core n times that this is a spin loop.
//
//go:noescape
func Pause(n uint32)

// Prefetch asks for the line at p, to be read. It never faults.
//
//go:noescape
func Prefetch(p unsafe.Pointer)

// PrefetchWrite asks for the line at p, to be written: from then until another core asks for
// it, a store or compare-and-swap there waits for nothing. It never faults.
//
//go:noescape
func PrefetchWrite(p unsafe.Pointer)
