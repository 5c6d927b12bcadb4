//go:build linux

package storm

import (
	"fmt"
	"math/rand/v2"

	"github.com/shmq/shmq/internal/ringtest"
)

// A record of at least ringtest.MinRecord bytes carries its producer and number, and
// every byte follows from these. A shorter one says how long it is.
const (
	shortSizes = ringtest.MinRecord
	shortByte  = 0xa0 // plus the size

	abortedBit = 1 << 63 // in the id of what was reserved and never sent
	shortBit   = 1 << 62 // in the journal, for a record without an id
)

func shortID(size int) uint64 { return shortBit | uint64(size) }

type record struct{ data []byte }

func (r record) short() bool { return len(r.data) < shortSizes }

// fill makes b the record of that id, or a short one.
func fill(b []byte, id uint64) {
	if len(b) >= shortSizes {
		ringtest.FillRecord(b, id, 0, len(b))
		return
	}
	for i := range b {
		b[i] = shortByte + byte(len(b))
	}
}

// read returns the id for the journal of the record in b, or an error if b is no
// record.
func read(b []byte) (uint64, error) {
	if len(b) >= shortSizes {
		return ringtest.ReadRecord(b)
	}
	for i := range b {
		if b[i] != shortByte+byte(len(b)) {
			return 0, fmt.Errorf("record of %d bytes holds %x", len(b), b)
		}
	}
	return shortID(len(b)), nil
}

// size picks one: many small, some of several slots, a few of the largest.
func size(r *rand.Rand, slot, most int) int {
	switch r.IntN(20) {
	case 0, 1, 2:
		return r.IntN(shortSizes)
	case 3, 4, 5, 6:
		return min(slot+r.IntN(most/4), most)
	case 7:
		return r.IntN(most + 1)
	case 8:
		if r.IntN(10) == 0 {
			return most
		}
	}
	return shortSizes + r.IntN(slot-shortSizes+1)
}
