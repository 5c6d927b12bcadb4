package layout

import (
	"encoding/binary"
	"hash/crc32"
)

// Size and number of the entries at HotIncarnations.
const (
	IncarnationSize  = 32
	IncarnationCount = 32
)

// Fields of an entry, offsets from its start.
const (
	IncarnationNumber = 0  // u64, counts from 1
	IncarnationStart  = 8  // u64, the first position that is of this incarnation
	IncarnationID     = 16 // u64, random
	IncarnationCRC    = 24 // u32, CRC-32C of bytes 0 to 23
)

// Incarnation is an entry of the table of incarnations.
//
// Positions are used again where the queue goes on from a state that it had before: after
// a power failure, as far as the disk had not got, and in a copy. So a position alone does
// not tell two records apart. An incarnation is a stretch of positions, from its start to
// that of the next one, and its ID is random, so that two copies of a file, which know
// nothing of each other, do not begin the same. A record is of the incarnation in which it
// was sent, and stays of that one.
//
// Entry n stands at place n mod IncarnationCount; an entry whose checksum is wrong is none.
// It is written by a process that holds LockImage while nobody has a role, and in a file on
// a disk it is synced before a role is taken. A death in the middle, or a power failure, leaves
// an entry that is none, and no record was sent since. The oldest entry is overwritten when
// the table is full; what is left of its records counts to the next one, in which their
// positions were not used: they get other ids, and never those of other records.
type Incarnation struct {
	Number uint64 // 0: none
	Start  uint64
	ID     uint64
}

// Encode returns the bytes of an entry.
func (n Incarnation) Encode() (b [IncarnationSize]byte) {
	le := binary.LittleEndian
	le.PutUint64(b[IncarnationNumber:], n.Number)
	le.PutUint64(b[IncarnationStart:], n.Start)
	le.PutUint64(b[IncarnationID:], n.ID)
	le.PutUint32(b[IncarnationCRC:], crc32.Checksum(b[:IncarnationCRC], castagnoli))
	return b
}

// DecodeIncarnation reads the entry at a place of the table, or returns the zero value
// if there is none.
func DecodeIncarnation(b [IncarnationSize]byte, place int) Incarnation {
	le := binary.LittleEndian
	n := Incarnation{
		Number: le.Uint64(b[IncarnationNumber:]),
		Start:  le.Uint64(b[IncarnationStart:]),
		ID:     le.Uint64(b[IncarnationID:]),
	}
	if n.Number%IncarnationCount != uint64(place) || n.Encode() != b {
		return Incarnation{}
	}
	return n
}

// Incarnations is what a table of incarnations says.
type Incarnations [IncarnationCount]Incarnation

// Latest returns the incarnation that began last, or the zero value: that of a queue that
// nobody has attached to.
func (t *Incarnations) Latest() (latest Incarnation) {
	for _, n := range t {
		if n.Number > latest.Number {
			latest = n
		}
	}
	return latest
}

// Of returns the ID of the incarnation of position p; 0 if it is before the first one. Where
// the entry was overwritten it is that of the oldest one left.
func (t *Incarnations) Of(p uint64) uint64 {
	var in, oldest Incarnation
	for _, n := range t {
		if n.Number == 0 {
			continue
		}
		if n.Number > in.Number && int64(p-n.Start) >= 0 {
			in = n
		}
		if oldest.Number == 0 || n.Number < oldest.Number {
			oldest = n
		}
	}
	if in.Number == 0 && oldest.Number != 1 { // before the first there was none
		in = oldest
	}
	return in.ID
}
