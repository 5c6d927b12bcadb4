//go:build shmqstep

package ring_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

// A producer that sends as fast as records are counted is followed for a lap behind the tail
// that was read first, and no further.
func TestCountOfASubscriptionEndsBesideAFastProducer(t *testing.T) {
	defer atomics.SetHook(nil)
	for _, start := range firstPositions {
		for slots := uint64(2); slots <= 16; slots *= 2 {
			m := ringtest.NewRegion(each(true, true, slots, 0), start)
			r := m.Ring()
			p, err := r.NewProducer(0)
			require.NoError(t, err)
			subscribe(r, 0, ring.Joining{})
			words := map[unsafe.Pointer]bool{}
			for n := range slots {
				require.NoError(t, p.Send(nil))
				words[m.WordAddr(start+n)] = true
			}

			// Each slot is overwritten as soon as it has been counted.
			var counted unsafe.Pointer
			var beside func(at unsafe.Pointer, _ atomics.Op)
			beside = func(at unsafe.Pointer, _ atomics.Op) {
				if !words[at] || at == counted {
					return
				}
				if counted != nil {
					atomics.SetHook(nil)
					require.NoError(t, p.Send(nil))
					atomics.SetHook(beside)
				}
				counted = at
			}
			atomics.SetHook(beside)
			all := inspect.Subscriptions(r, true)
			atomics.SetHook(nil)
			require.Len(t, all, 1)
			require.Equal(t, int(2*slots), all[0].Records, "%d slots from %#x", slots, start)
		}
	}
}
