//go:build shmqstep

package ring_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
)

// A sender dies in the middle of a batch, which is skipped: no consumer gets a record of it.
// After a failure the records come whose words were written, unless a single consumer's head says
// that it passed over them.
func TestRebuildOfABatchWhoseSenderDied(t *testing.T) {
	defer atomics.SetHook(nil)
	for _, mc := range []bool{false, true} {
		b := newBench(t, summed(true, mc, 8), 0)
		b.send(8, 1)
		atomics.SetHook(func(at unsafe.Pointer, op atomics.Op) {
			if op == atomics.OpStore && at == unsafe.Pointer(&b.m.Bytes[b.m.Geometry.SlotOffset()+64]) {
				panic(died{})
			}
		})
		require.Panics(t, func() {
			_, _ = b.p.SendBatch([][]byte{ringtest.Record(2, 8), ringtest.Record(3, 8), ringtest.Record(4, 8)})
		})
		atomics.SetHook(nil)
		b.r.Sweep(0)
		b.p = b.producer(0)
		b.send(8, 5)
		b.c.Ack(b.lease(b.c, 1, 0))
		b.lease(b.c, 5, 0)
		// All is on the disk, and the machine stops.
		if mc {
			b.rebuilds(0, 3, 4, 5)
		} else {
			b.rebuilds(0, 5)
		}
	}
}
