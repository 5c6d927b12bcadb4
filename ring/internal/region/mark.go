package region

import (
	"unsafe"

	"github.com/shmq/shmq/layout"
)

// In a queue with checksums a marked record has its mark in its line, before the checksum,
// so that a rebuild finds it with the record or not at all.

// PlaceMarked is Place for a record that gets a mark.
func (r *Region) PlaceMarked(p uint64, n int) (b []byte, meta uint32) {
	switch {
	case !r.Geo.Checksum:
		return r.Place(p, n)
	case n <= r.Geo.MarkedInlineSize():
		return r.inline(p, n), layout.MetaMarked
	}
	return r.Areas(p, n), layout.MetaMarked | layout.MetaArea
}

// MarkAt is where the line of position p has a mark.
//
// Preconditions: the queue has checksums; elsewhere payload may stand there.
func (r *Region) MarkAt(p uint64) *layout.Mark {
	return (*layout.Mark)(unsafe.Add(r.LineAt(p), layout.SlotMark))
}

// markBytes returns the bytes of MarkAt.
func (r *Region) markBytes(p uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(r.LineAt(p), layout.SlotMark)), unsafe.Sizeof(layout.Mark{}))
}
