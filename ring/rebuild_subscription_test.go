package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// A rebuild leaves a durable subscription what it has not acknowledged, flagged, and ends the others.
func TestRebuildOfSubscriptions(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		g := each(false, skip, 16, 0)
		g.Checksum = true
		m := ringtest.NewRegion(g, 0)
		r := m.Ring()
		p, err := r.NewProducer(0)
		require.NoError(t, err)
		audit := subscribe(r, 0, ring.Joining{Name: "audit"})
		subscribe(r, 1, ring.Joining{})
		sendIDs(t, p, 0, 8)
		require.Len(t, ids(t, audit, 3), 3)
		if skip { // one that says it is far ahead
			ahead := layout.MakeCursor(layout.CursorActive, 1000)
			subscribe(r, 2, ring.Joining{Name: "ahead"})
			at := m.Geometry.SubscriptionOffset() + 2*layout.SubscriptionSize
			copy(m.Bytes[at:], []byte{byte(ahead), byte(ahead >> 8), 0, 0, 0, 0, 0, 0})
		}
		_, err = ring.Rebuild(m.Bytes, g)
		require.NoError(t, err)
		r = m.Ring()
		require.Zero(t, r.Subscription(1).Cursor())
		for i := range 3 {
			if i == 1 || i == 2 && !skip {
				continue
			}
			require.True(t, r.Subscription(i).Kept())
			c := r.NewSubscriber(2+i, i)
			var l ring.Lease
			first := uint64(3)
			if i == 2 { // it had acknowledged more than there is
				first = 8
			}
			for id := first; id < 8; id++ {
				require.NoError(t, c.TryLease(&l), "skip %v, subscription %d", skip, i)
				require.Equal(t, ringtest.Record(id, 8), l.Data)
				require.Positive(t, l.Redelivered)
				require.True(t, c.Ack(&l))
			}
			require.ErrorIs(t, c.TryLease(&l), ring.ErrEmpty)
		}
	}
}
