package layout

import (
	"encoding/binary"
	"hash/crc32"
)

// Mark is what a single producer sends with a record to find again, after any death, how
// far it got: 16 bytes that mean what the reader of its source wants them to.
type Mark [2]uint64

// Marked is the last record with a mark that is in a queue, consumed since or not.
type Marked struct {
	Position uint64 `json:"position"` // of the record's first slot
	Mark     Mark   `json:"value"`
}

// The line of marks. Two entries, MarkEntry apart, tell of the last marked record; two
// more, from MarkSynced on, tell of the last one that a sync has brought to the disk.
//
//	 0            8           24   32                           64                96
//	┌────────────┬───────────┬────┬────────────────────────────┬─────────────────┬─────────────────┐
//	│ position+1 │ mark      │ 0  │ entry 1, the same          │ synced 0        │ synced 1        │
//	└────────────┴───────────┴────┴────────────────────────────┴─────────────────┴─────────────────┘
//
// The single producer writes the entries by turns, each before the word of its record: the
// mark, then the position. So an entry counts if the record at its position was published, and
// of two that count the later one does. The mark of the earlier one may be half of the next.
// Killed before the word, the producer leaves the later entry that counted as it was, and its
// successor clears the new one before it publishes anything: another record at that position
// would make it count.
//
// A synced entry is written, in place of the older one, by the holder of the producer role
// after all that was in the queue when it read the mark is on the disk, and synced itself
// before anybody relies on it; also by a rebuild, and at the gate by a process that is alone.
// One whose checksum is wrong is none: then its writer was killed, or the machine stopped.
const (
	HotMarks     = 15 * LineSize
	MarkEntry    = 32
	MarkSynced   = 64
	MarkPosition = 0  // u64, 1 + the record's position; 0: none
	MarkValue    = 8  // Mark
	MarkCRC      = 24 // u64, of synced entries: CRC-32C of bytes 0 to 23
)

// MarkSum is the checksum of a synced entry.
func MarkSum(position uint64, m Mark) uint64 {
	var b [MarkCRC]byte
	binary.LittleEndian.PutUint64(b[MarkPosition:], position)
	binary.LittleEndian.PutUint64(b[MarkValue:], m[0])
	binary.LittleEndian.PutUint64(b[MarkValue+8:], m[1])
	return uint64(crc32.Checksum(b[:], castagnoli))
}

// SlotMark, Mark: in queues with checksums, where the line of a marked record has its mark; a
// rebuild goes by it. An inline payload ends there then. Written with length and meta.
const SlotMark = 40

// MarkedInlineSize is how many payload bytes the line of a marked record holds.
func (g Geometry) MarkedInlineSize() int {
	if g.Checksum {
		return SlotMark - g.InlineOffset()
	}
	return g.InlineSize()
}
