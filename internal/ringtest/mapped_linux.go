package ringtest

import (
	"syscall"
	"testing"

	"github.com/shmq/shmq/layout"
)

// NewMappedRegion returns a region outside of the heap, where the race detector does
// not look: for readers of bytes that may be written meanwhile, which tell afterwards
// whether they count.
func NewMappedRegion(t testing.TB, g layout.Geometry, start uint64) *Region {
	t.Helper()
	b, err := syscall.Mmap(-1, 0, int(g.TotalSize()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(b); err != nil {
			t.Error(err)
		}
	})
	m := &Region{Bytes: b, Geometry: g}
	m.Start(start)
	return m
}
