package ring

import (
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// resetSubscriptions leaves durable subscriptions, at most as far behind as the oldest record; all that
// one has may have been seen. The holders of the others are gone.
func (b *rebuilder) resetSubscriptions(head, end uint64) {
	for i := range b.m.Geo.Subscriptions {
		s := b.Subscription(i)
		if !s.Kept() {
			s.Clear()
			continue
		}
		at := s.Cursor().Near(end)
		if int64(at-head) < 0 || int64(at-end) > 0 {
			at = head
		} else if at = b.firstWhole(at, end); int64(at-end) > 0 {
			at = end
		}
		atomics.Store64(s.u64(layout.SubHandout), end)
		atomics.Store64(s.cursorAt(), uint64(layout.MakeCursor(layout.CursorActive, at)))
	}
}
