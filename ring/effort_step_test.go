//go:build shmqstep

package ring_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
)

// accesses counts those of one kind to words of slots while f runs.
func accesses(m *ringtest.Region, op atomics.Op, f func()) (n int) {
	words := map[unsafe.Pointer]bool{}
	for p := range m.Geometry.Slots {
		words[m.WordAddr(p)] = true
	}
	atomics.SetHook(func(at unsafe.Pointer, is atomics.Op) {
		if is == op && words[at] {
			n++
		}
	})
	defer atomics.SetHook(nil)
	f()
	return n
}

// A batch looks at no slot again for each of its records, whatever their sizes.
func TestABatchLooksAtEachSlotOnce(t *testing.T) {
	for name, sizes := range map[string][]int{"within their lines": {40}, "beside them": {60}, "in turn": {40, 60}} {
		m := ringtest.NewRegion(geometry(false, true, 256), 0)
		p, err := m.Ring().NewProducer(0)
		require.NoError(t, err)
		recs := make([][]byte, 128)
		for i := range recs {
			recs[i] = make([]byte, sizes[i%len(sizes)])
		}
		loads := accesses(m, atomics.OpLoad, func() {
			n, err := p.SendBatch(recs)
			require.NoError(t, err)
			require.Equal(t, len(recs), n)
		})
		require.LessOrEqual(t, loads, 2*len(recs), name)
	}
}

// A producer that another one got ahead of asks for the line of that one's slot once, and one that finds the ring full
// once as well, and then looks before it asks.
func TestAClaimAsksInVainOnce(t *testing.T) {
	m := ringtest.NewRegion(geometry(true, true, 16), 0)
	r := m.Ring()
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	other, err := r.NewProducer(1)
	require.NoError(t, err)
	require.NoError(t, p.Send(nil)) // looks first, as it knows nothing
	require.NoError(t, other.Send(nil))
	require.Equal(t, 2, accesses(m, atomics.OpRMW, func() { require.NoError(t, p.Send(nil)) }), "behind another one")
	for p.Send(nil) == nil {
	}
	require.Zero(t, accesses(m, atomics.OpRMW, func() { require.Error(t, p.Send(nil)) }), "on a full ring")
}
