// Package shared is the memory that the two ends of a connection share: a page of words and
// two rings, one for each direction, in one sealed file. It is made by the end that dials
// and mapped by both. The other end may write anything into it at any time: what says how
// large it is was read once, by pread, and checked before the memory was mapped, and what is
// read later is bounded by that.
package shared

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/shmq/shmq/layout"
)

// The file, from the first byte on, little-endian:
//
//	offset     size
//	0          1024     head: what it is and how large, written once
//	1024       512      words of the direction from the dialling end to the accepting one
//	1536       512      words of the other direction
//	4096       R        ring of the first direction, as docs/layout.md has it; its own header
//	                    page is not used
//	4096 + R   R        ring of the other direction
//
// The words of a direction are on two lines, each written by one end:
//
//	+0    u32  finished  writer: 1 once nothing more will be published
//	+4    u32  wantsRoom writer: 1 while it may be asleep; whoever wakes it clears it
//	+256  u32  closed    reader: 1 once it will read nothing more
//	+260  u32  wantsData reader: as wantsRoom
const (
	magic   = "shmqconn"
	version = 1

	offVersion = 8  // u32
	offSlots   = 16 // u64, slots of a ring, a power of two
	offArea    = 24 // u64, bytes of a slot's data area
	headSize   = 1024

	offWords   = headSize
	wordsSize  = 512
	offRings   = 4096
	offReader  = 256
	offSecond  = 4 // the second word of a line
	directions = 2

	// areaSize is one data area: what the smallest write that does not fit into a slot's line
	// takes of the buffer.
	areaSize = 256
)

// Limits of a buffer, the bytes that can be on their way in one direction.
const (
	MinBuffer = 4 << 10
	MaxBuffer = 64 << 20
)

// ErrForeign: what the other end sent is no memory of a connection.
var ErrForeign = errors.New("not the memory of a connection")

// ErrVersion: the other end speaks another version.
var ErrVersion = errors.New("another version of connections")

// geometry is that of both rings.
func geometry(slots, area uint64) layout.Geometry {
	return layout.Geometry{Seats: 2, Slots: slots, AreaSize: area}
}

// geometryFor returns the smallest that holds buffer bytes.
func geometryFor(buffer int) layout.Geometry {
	slots := uint64(layout.MinSlots)
	for slots*areaSize < uint64(buffer) {
		slots *= 2
	}
	return geometry(slots, areaSize)
}

// size is that of the whole file.
func size(g layout.Geometry) int64 { return offRings + directions*int64(g.TotalSize()) }

func encode(g layout.Geometry) []byte {
	b := make([]byte, headSize)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[offVersion:], version)
	binary.LittleEndian.PutUint64(b[offSlots:], g.Slots)
	binary.LittleEndian.PutUint64(b[offArea:], g.AreaSize)
	return b
}

// decode checks a head, of which b may be the start, against the size of the file. Errors:
// ErrForeign, ErrVersion.
func decode(b []byte, fileSize int64) (layout.Geometry, error) {
	if len(b) < headSize || string(b[:len(magic)]) != magic {
		return layout.Geometry{}, ErrForeign
	}
	if v := binary.LittleEndian.Uint32(b[offVersion:]); v != version {
		return layout.Geometry{}, fmt.Errorf("%w: it has %d, this is %d", ErrVersion, v, version)
	}
	g := geometry(binary.LittleEndian.Uint64(b[offSlots:]), binary.LittleEndian.Uint64(b[offArea:]))
	if err := g.Check(); err != nil {
		return layout.Geometry{}, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if buffer := g.Slots * g.AreaSize; buffer > MaxBuffer || buffer < g.Slots {
		return layout.Geometry{}, fmt.Errorf("%w: a buffer of %d bytes", ErrForeign, buffer)
	}
	if fileSize != size(g) {
		return layout.Geometry{}, fmt.Errorf("%w: it has %d bytes, want %d", ErrForeign, fileSize, size(g))
	}
	return g, nil
}
