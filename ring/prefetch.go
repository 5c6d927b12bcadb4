package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// prefetchLines is how much of the data area of a record is asked for ahead.
const prefetchLines = 4

// PrefetchNext asks for the record that follows, if there is one, so that its lines are
// on their way while the caller works on the one it has.
func (c *Consumer) PrefetchNext() {
	r, p := c.r, c.next()
	line := r.m.LineAt(p)
	// Nothing waits for these loads: the branches are predicted, the line on its way.
	if layout.Word(atomics.Load64((*uint64)(line))).State() != layout.Full ||
		atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))) <= layout.InlineSize {
		return
	}
	area := r.m.AreaAt(p)
	for i := range min(prefetchLines, r.m.Area/layout.SlotSize) {
		atomics.Prefetch(unsafe.Add(area, i*layout.SlotSize))
	}
}
