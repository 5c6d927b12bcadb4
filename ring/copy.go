package ring

import (
	"unsafe"

	"github.com/shmq/shmq/internal/blockcopy"
	"github.com/shmq/shmq/layout"
)

// Functions with which both kinds of consumers copy records out of the ring.

// readLine copies to buf, at most layout.InlineSize long, the payload in a line.
func readLine(buf []byte, line unsafe.Pointer) {
	to, from, n := unsafe.Pointer(unsafe.SliceData(buf)), unsafe.Add(line, layout.SlotInline), len(buf)
	if n < 16 {
		copy(buf, (*b16)(from)[:])
	} else {
		*(*b16)(to) = *(*b16)(from)
		if n > 32 {
			*(*b16)(unsafe.Add(to, 16)) = *(*b16)(unsafe.Add(from, 16))
		}
		*(*b16)(unsafe.Add(to, n-16)) = *(*b16)(unsafe.Add(from, n-16))
	}
}

// copyOut copies the record of one slot at p to *buf, which grows if it has to, and returns
// its meta. It reports false for a length that no participant writes.
func (r *Ring) copyOut(buf *[]byte, p uint64) (meta uint32, ok bool) {
	data, meta, err := r.m.Payload(p, 1)
	if err == nil {
		*buf = blockcopy.Append((*buf)[:0], data)
	}
	return meta, err == nil
}

// copyLeases copies each record to its buffer, and counts those that were delivered before.
func copyLeases(bufs [][]byte, ls []Lease) (redelivered int) {
	for i := range ls {
		bufs[i] = blockcopy.Append(bufs[i][:0], ls[i].Data)
		redelivered += min(ls[i].Redelivered, 1) // an orphan that has just appeared
	}
	return redelivered
}

// unpublished reports whether w, the word at p, is Free in the lap of p or of a lap before
// it: no record is there yet. Words without an owner are in the order of their laps.
func (r *Ring) unpublished(p uint64, w layout.Word) bool {
	return !w.State().Owned() && int64(w-layout.FreeWord(p, r.m.Shift)) <= 0
}
