package atomics

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// Runs store to as many words as they are told to, and beside none.
func TestRuns(t *testing.T) {
	const lines = 8
	for off := range lines {
		for n := 0; off+n <= lines; n++ {
			up, down, want := new([8 * lines]uint64), new([8 * lines]uint64), new([8 * lines]uint64)
			for i := off; i < off+n; i++ {
				want[8*i] = 7
			}
			StoreReleaseRun64(unsafe.Pointer(up), uint64(64*off), 64*(lines-1), uint64(n), 7, 256)
			require.Equal(t, want, up, "%d from %d", n, off)
			if n > 0 {
				StoreReleaseDown64(&down[8*(off+n-1)], uint64(n), 7)
			}
			require.Equal(t, want, down, "%d from %d", n, off)
		}
	}
	StoreReleaseDown64(nil, 0, 7)
}
