package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// What both kinds of consumers need to copy records out of the ring.

// lineOrAreas is the payload of a record of one slot, whose line the caller has.
func (r *Ring) lineOrAreas(line unsafe.Pointer, p uint64) (b []byte, meta uint32, ok bool) {
	if lm := atomics.Load64((*uint64)(unsafe.Add(line, layout.SlotLength))); lm <= layout.InlineSize {
		return (*[layout.InlineSize]byte)(unsafe.Add(line, layout.SlotInline))[:lm], 0, true
	}
	return r.oneArea(p)
}

func (r *Ring) oneArea(p uint64) (b []byte, meta uint32, ok bool) {
	b, meta, err := r.m.Payload(p, 1)
	return b, meta, err == nil
}

// copyOut copies the record of one slot at p to *buf. It reports false for a length
// that no participant writes.
func (r *Ring) copyOut(buf *[]byte, line unsafe.Pointer, p uint64) bool {
	data, _, ok := r.lineOrAreas(line, p)
	if ok {
		*buf = append((*buf)[:0], data...)
	}
	return ok
}

// copyLeases copies each record to its buffer, and counts those that were delivered before.
func copyLeases(bufs [][]byte, ls []Lease) (redelivered int) {
	for i := range ls {
		bufs[i] = append(bufs[i][:0], ls[i].Data...)
		redelivered += min(ls[i].Redelivered, 1) // an orphan that has just appeared
	}
	return redelivered
}

// unpublished reports whether w, the word at p, is Free in the lap of p or of a lap before
// it: no record is there yet. Words without an owner are in the order of their laps.
func (r *Ring) unpublished(p uint64, w layout.Word) bool {
	return !w.State().Owned() && int64(w-layout.FreeWord(p, r.m.Shift)) <= 0
}
