//go:build linux

package atomics

import (
	"runtime/debug"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A fault in any of the operations can be recovered from, and tells the address: the
// assembly too has frames that a panic can pass.
func TestFaultsCanBeRecovered(t *testing.T) {
	mem, err := unix.Mmap(-1, 0, 4096, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	defer unix.Munmap(mem)
	p := (*uint64)(unsafe.Pointer(unsafe.SliceData(mem)))
	p32 := (*uint32)(unsafe.Pointer(p))
	var own uint64
	for what, touch := range map[string]func(){
		"Load64":                     func() { Load64(p) },
		"Load32":                     func() { Load32(p32) },
		"Reload64":                   func() { Reload64(p) },
		"CAS64":                      func() { CAS64(p, 0, 1) },
		"CAS32":                      func() { CAS32(p32, 0, 1) },
		"Add64":                      func() { Add64(p, 1) },
		"Store64":                    func() { Store64(p, 1) },
		"Store32":                    func() { Store32(p32, 1) },
		"StoreRelease64":             func() { StoreRelease64(p, 1) },
		"StoreRelease64x2":           func() { StoreRelease64x2(p, 1, &own, 1) },
		"StoreRelease64x2, the last": func() { StoreRelease64x2(&own, 1, p, 1) },
		"StoreReleaseAsking64":       func() { StoreReleaseAsking64(p, 1, nil) },
		"StoreReleaseAsking64x2":     func() { StoreReleaseAsking64x2(&own, 1, p, 1, nil) },
		"StoreReleaseRun64":          func() { StoreReleaseRun64(unsafe.Pointer(p), 0, 4095, 4, 1, 64) },
		"StoreReleaseDown64":         func() { StoreReleaseDown64((*uint64)(unsafe.Add(unsafe.Pointer(p), 192)), 4, 1) },
		"copy to":                    func() { copy(mem, make([]byte, 48)) },
		"copy from":                  func() { copy(make([]byte, 4096), mem) },
	} {
		t.Run(what, func(t *testing.T) {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			defer func() {
				fault, ok := recover().(interface{ Addr() uintptr })
				require.True(t, ok)
				require.Less(t, fault.Addr()-uintptr(unsafe.Pointer(p)), uintptr(len(mem)))
			}()
			touch()
		})
	}
	Prefetch(unsafe.Pointer(p)) // never faults
}
