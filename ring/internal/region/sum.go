package region

import (
	"errors"
	"hash/crc32"
	"unsafe"

	"github.com/shmq/shmq/layout"
)

// ErrTorn tells that the checksum of a record is wrong. No caller outside of ring sees it.
var ErrTorn = errors.New("record is torn")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Summer computes checksums. It is part of what lives on the heap anyway: hash/crc32
// calls the code for this machine through a variable, so that the compiler would
// allocate the head each time.
type Summer struct{ head [layout.SumTimeHeadSize]byte }

// Sum returns the checksum of a record at position p. Its time counts in a queue with time
// stamps only, and the mark in its line where meta says that it has one.
func (s *Summer) Sum(r *Region, p uint64, meta uint32, time uint64, payload []byte) uint32 {
	layout.SumHead(&s.head, p, uint32(len(payload)), meta, time)
	head := s.head[:layout.SumHeadSize]
	if r.Geo.Timestamps {
		head = s.head[:]
	}
	sum := crc32.Checksum(head, castagnoli)
	if meta&layout.MetaMarked != 0 {
		sum = crc32.Update(sum, castagnoli, r.markBytes(p))
	}
	return crc32.Update(sum, castagnoli, payload)
}

// SumAt is where the checksum of the record at p stands.
func (r *Region) SumAt(p uint64) *uint32 {
	return (*uint32)(unsafe.Add(r.LineAt(p), layout.SlotSum))
}

// Record is Payload, checked as far as the queue allows. Error: ErrTorn, or without
// checksums layout.ErrDamaged.
func (s *Summer) Record(r *Region, p, k uint64) (b []byte, meta uint32, err error) {
	b, meta, err = r.Payload(p, k)
	if r.Geo.Checksum && (err != nil || s.Sum(r, p, meta, r.SentAt(p), b) != *r.SumAt(p)) {
		return nil, 0, ErrTorn
	}
	return b, meta, err
}
