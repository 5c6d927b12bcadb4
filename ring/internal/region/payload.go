package region

import (
	"sync/atomic"
	"unsafe"

	"github.com/shmq/shmq/layout"
)

// The bytes of a record lie in its first slot's line when they fit there, and
// otherwise in the data areas of its slots, which are contiguous. Length and meta
// are one aligned 64-bit unit, so that each side touches them once.

// LengthMeta returns length and meta of position p's slot: the length in the low half.
func (r *Region) LengthMeta(p uint64) *uint64 {
	return (*uint64)(unsafe.Add(r.LineAt(p), layout.SlotLength))
}

// inline returns the payload bytes in the line of position p.
func (r *Region) inline(p uint64, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(r.inlines, (p&r.Mask)*layout.SlotSize)), n)
}

// Areas returns n bytes of the data areas from position p's on.
//
// Preconditions: n <= k*Area for a span of k slots at p that ends in the ring.
func (r *Region) Areas(p uint64, n int) []byte {
	return unsafe.Slice((*byte)(r.AreaAt(p)), n)
}

// Place returns where a payload of n bytes at position p goes, and the meta bits that
// say so.
func (r *Region) Place(p uint64, n int) (b []byte, meta uint32) {
	if n <= r.Line {
		return r.inline(p, n), 0
	}
	return r.Areas(p, n), layout.MetaArea
}

// TimeAt is where the record at p says when it was sent.
//
// Preconditions: the queue has time stamps; elsewhere payload may stand there.
func (r *Region) TimeAt(p uint64) *uint64 {
	return (*uint64)(unsafe.Add(r.LineAt(p), layout.SlotTime))
}

// SentAt returns when the record at p was sent, or 0 in a queue without time stamps.
func (r *Region) SentAt(p uint64) uint64 {
	if !r.Geo.Timestamps {
		return 0
	}
	return atomic.LoadUint64(r.TimeAt(p))
}

// Describe writes length and meta of the record at p. Only the owner of the
// claim, or of the lease, at p does this.
func (r *Region) Describe(p uint64, n int, meta uint32) {
	*r.LengthMeta(p) = uint64(uint32(n)) | uint64(meta)<<32
}

// Payload returns the bytes and meta of the record at p, which takes k slots. The
// length is read once and bounded by the place it speaks of. Error: layout.ErrDamaged.
func (r *Region) Payload(p, k uint64) (b []byte, meta uint32, err error) {
	lm := atomic.LoadUint64(r.LengthMeta(p))
	n, meta := uint64(uint32(lm)), uint32(lm>>32)
	if meta&layout.MetaArea == 0 {
		if n > uint64(r.Line) {
			return nil, 0, layout.ErrDamaged
		}
		return r.inline(p, int(n)), meta, nil
	}
	if n > k*r.Area || n > layout.MaxRecordSize {
		return nil, 0, layout.ErrDamaged
	}
	return r.Areas(p, int(n)), meta, nil
}

// Redeliver returns how often the record at p was delivered before, as far as its
// holders recorded, and records one more. The caller holds the lease; if it dies before
// the store the count stays as it was, and the next holder still knows from the slot's
// word that there was one.
func (r *Region) Redeliver(p uint64) int {
	lm := atomic.LoadUint64(r.LengthMeta(p))
	meta := uint32(lm >> 32)
	n := meta>>layout.MetaDeliveriesShift + 1
	if n>>16 == 0 {
		r.Describe(p, int(uint32(lm)), meta&(1<<layout.MetaDeliveriesShift-1)|n<<layout.MetaDeliveriesShift)
	}
	return int(n)
}
