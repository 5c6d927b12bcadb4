package ring

import (
	"errors"
	"hash/crc32"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/layout"
)

// In a queue with checksums who sends a record writes its checksum before the word that
// publishes it, and who takes one checks it before anybody gets to see the record. One
// that is wrong is dropped, as if it had been acknowledged, and the next one is taken.
// While the machine runs, only a stranger's store makes one wrong. What a power failure
// left on a disk is sorted out before anybody attaches, by the same checksums: see
// rebuild.go.

// errTorn: the checksum of a record is wrong. No caller outside sees it.
var errTorn = errors.New("record is torn")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// summer computes checksums. It is part of what lives on the heap anyway: hash/crc32
// calls the code for this machine through a variable, so that the compiler would
// allocate the head each time.
type summer struct{ head [layout.SumTimeHeadSize]byte }

// sum returns the checksum of a record; time counts in a queue with time stamps only.
func (s *summer) sum(r *Ring, p uint64, meta uint32, time uint64, payload []byte) uint32 {
	layout.SumHead(&s.head, p, uint32(len(payload)), meta, time)
	head := s.head[:layout.SumHeadSize]
	if r.geo.Timestamps {
		head = s.head[:]
	}
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}

// sumAt is where the checksum of the record at p stands.
func (r *Ring) sumAt(p uint64) *uint32 {
	return (*uint32)(unsafe.Add(r.slots, (p&r.mask)*layout.SlotSize+layout.SlotSum))
}

// record is payload, checked as far as the queue allows. Error: errTorn, or without
// checksums ErrDamaged.
func (s *summer) record(r *Ring, p, k uint64) (b []byte, meta uint32, err error) {
	b, meta, err = r.payload(p, k)
	if r.geo.Checksum && (err != nil || s.sum(r, p, meta, r.sentAt(p), b) != *r.sumAt(p)) {
		return nil, 0, errTorn
	}
	return b, meta, err
}

// dropped counts a record that was dropped. A consumer that dies before this leaves the
// count one too small; one that dies before the drop leaves the record to be dropped.
func (r *Ring) dropped() { atomics.Add64(r.torn, 1) }
