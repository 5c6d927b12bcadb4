package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/shmq/shmq/layout"
)

// The bytes of a record lie in its first slot's line when they fit there, and
// otherwise in the data areas of its slots, which are contiguous. Length and meta
// are one aligned 64-bit unit, so that each side touches them once.

func (r *Ring) lengthMeta(p uint64) *uint64 {
	return (*uint64)(unsafe.Add(r.slots, (p&r.mask)*layout.SlotSize+layout.SlotLength))
}

// inline returns the payload bytes in the line of position p.
func (r *Ring) inline(p uint64, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(r.inlines, (p&r.mask)*layout.SlotSize)), n)
}

// areas returns n bytes of the data areas from position p's on.
//
// Preconditions: n <= k*area for a span of k slots at p that ends in the ring.
func (r *Ring) areas(p uint64, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(r.data, (p&r.mask)*r.area)), n)
}

// room returns where a payload of n bytes at position p goes, and the meta bits
// that say so.
func (r *Ring) room(p uint64, n int) (b []byte, meta uint32) {
	if n <= r.line {
		return r.inline(p, n), 0
	}
	return r.areas(p, n), layout.MetaArea
}

// describe writes length and meta of the record at p. Only the owner of the
// claim, or of the lease, at p does this.
func (r *Ring) describe(p uint64, n int, meta uint32) {
	*r.lengthMeta(p) = uint64(uint32(n)) | uint64(meta)<<32
}

// payload returns the bytes and meta of the record at p, which takes k slots. The
// length is read once and bounded by the place it speaks of.
func (r *Ring) payload(p, k uint64) (b []byte, meta uint32, err error) {
	lm := atomic.LoadUint64(r.lengthMeta(p))
	n, meta := uint64(uint32(lm)), uint32(lm>>32)
	if meta&layout.MetaArea == 0 {
		if n > uint64(r.line) {
			return nil, 0, ErrDamaged
		}
		return r.inline(p, int(n)), meta, nil
	}
	if n > k*r.area || n > layout.MaxRecordSize {
		return nil, 0, ErrDamaged
	}
	return r.areas(p, int(n)), meta, nil
}

// redeliver returns how often the record at p was delivered before, as far as
// its holders recorded, and records one more. The caller holds the lease; if it
// dies before the store the count stays as it was, and the next holder still
// knows from the slot's word that there was one.
func (r *Ring) redeliver(p uint64) int {
	lm := atomic.LoadUint64(r.lengthMeta(p))
	meta := uint32(lm >> 32)
	n := meta>>layout.MetaDeliveriesShift + 1
	if n>>16 == 0 {
		r.describe(p, int(uint32(lm)), meta&(1<<layout.MetaDeliveriesShift-1)|n<<layout.MetaDeliveriesShift)
	}
	return int(n)
}
