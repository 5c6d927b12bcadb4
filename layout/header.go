package layout

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Sentinels for files that are no usable queue.
var (
	// ErrNotQueue: the file is something else, or was cut short.
	ErrNotQueue = errors.New("not a shmq queue")
	// ErrVersion: a queue of a layout that this code does not speak.
	ErrVersion = errors.New("incompatible layout version")
	// ErrDamaged: a queue whose header or shared words make no sense.
	ErrDamaged = errors.New("queue is damaged")
)

// Header is the content of the first page.
type Header struct {
	Geometry
	Created    int64 // Unix time in nanoseconds
	CreationID [16]byte
	BootID     [16]byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode returns the header page of a new queue.
func (h Header) Encode() []byte {
	b := make([]byte, HeaderSize)
	copy(b[OffMagic:], Magic)
	le := binary.LittleEndian
	le.PutUint32(b[OffVersion:], Version)
	le.PutUint32(b[OffHeaderSize:], HeaderSize)
	var flags uint32
	if h.ManyProducers {
		flags |= FlagManyProducers
	}
	if h.ManyConsumers {
		flags |= FlagManyConsumers
	}
	if h.Checksum {
		flags |= FlagChecksum
	}
	if h.Timestamps {
		flags |= FlagTimestamps
	}
	if h.Each {
		flags |= FlagEach
	}
	if h.Skip {
		flags |= FlagSkip
	}
	le.PutUint32(b[OffFlags:], flags)
	le.PutUint16(b[OffSeats:], uint16(h.Seats))
	le.PutUint16(b[OffSubscriptions:], uint16(h.Subscriptions))
	le.PutUint64(b[OffSlots:], h.Slots)
	le.PutUint64(b[OffAreaSize:], h.AreaSize)
	le.PutUint64(b[OffHot:], HotOffset)
	le.PutUint64(b[OffSeatTable:], SeatOffset)
	le.PutUint64(b[OffSlotTable:], h.SlotOffset())
	le.PutUint64(b[OffData:], h.DataOffset())
	le.PutUint64(b[OffTotalSize:], h.TotalSize())
	le.PutUint64(b[OffCreated:], uint64(h.Created))
	copy(b[OffCreationID:], h.CreationID[:])
	copy(b[OffBootID:], h.BootID[:])
	le.PutUint32(b[OffKeep:], uint32(h.Keep))
	le.PutUint32(b[OffHeaderCRC:], crc32.Checksum(b[:OffHeaderCRC], castagnoli))
	return b
}

// offset is a field of the header that follows from the geometry.
type offset struct {
	name string
	off  int
	want uint64
}

func (g Geometry) offsets() []offset {
	return []offset{
		{"hot words", OffHot, HotOffset},
		{"seat table", OffSeatTable, SeatOffset},
		{"slot table", OffSlotTable, g.SlotOffset()},
		{"data areas", OffData, g.DataOffset()},
		{"total size", OffTotalSize, g.TotalSize()},
	}
}

// Validate reads a header page that was copied out of a file of size bytes. The
// checks come in the order in which a field may be believed: magic, version,
// checksum, then geometry, then geometry against the file's size. Errors wrap
// ErrNotQueue, ErrVersion or ErrDamaged.
//
// Preconditions: page is private memory; nobody else writes it.
func Validate(page []byte, size int64) (Header, error) {
	var h Header
	le := binary.LittleEndian
	if len(page) < len(Magic) || string(page[:len(Magic)]) != Magic {
		return h, fmt.Errorf("%w: it does not start with the magic bytes", ErrNotQueue)
	}
	if len(page) < HeaderUsed || size < HeaderSize {
		return h, fmt.Errorf("%w: %d bytes are left of it, less than a header", ErrDamaged, size)
	}
	if v := le.Uint32(page[OffVersion:]); v != Version {
		return h, fmt.Errorf("%w: the file has version %d, this program speaks version %d", ErrVersion, v, Version)
	}
	if sum := crc32.Checksum(page[:OffHeaderCRC], castagnoli); le.Uint32(page[OffHeaderCRC:]) != sum {
		return h, fmt.Errorf("%w: the header's checksum is wrong", ErrDamaged)
	}
	flags := le.Uint32(page[OffFlags:])
	if flags&^knownFlags != 0 {
		return h, fmt.Errorf("%w: the file uses features %#x that this program does not know", ErrVersion, flags&^knownFlags)
	}
	h.ManyProducers = flags&FlagManyProducers != 0
	h.ManyConsumers = flags&FlagManyConsumers != 0
	h.Checksum = flags&FlagChecksum != 0
	h.Timestamps = flags&FlagTimestamps != 0
	h.Each = flags&FlagEach != 0
	h.Skip = flags&FlagSkip != 0
	h.Seats = int(le.Uint16(page[OffSeats:]))
	h.Subscriptions = int(le.Uint16(page[OffSubscriptions:]))
	h.Keep = uint64(le.Uint32(page[OffKeep:]))
	h.Slots = le.Uint64(page[OffSlots:])
	h.AreaSize = le.Uint64(page[OffAreaSize:])
	if err := h.Check(); err != nil {
		return h, fmt.Errorf("%w: the header says %w", ErrDamaged, err)
	}
	if n := le.Uint32(page[OffHeaderSize:]); n != HeaderSize {
		return h, fmt.Errorf("%w: header of %d bytes, want %d", ErrDamaged, n, HeaderSize)
	}
	for _, f := range h.offsets() {
		if got := le.Uint64(page[f.off:]); got != f.want {
			return h, fmt.Errorf("%w: %s at %d, want %d", ErrDamaged, f.name, got, f.want)
		}
	}
	if uint64(size) < h.TotalSize() {
		return h, fmt.Errorf("%w: the file has %d bytes of %d, it was truncated", ErrDamaged, size, h.TotalSize())
	}
	h.Created = int64(le.Uint64(page[OffCreated:]))
	copy(h.CreationID[:], page[OffCreationID:])
	copy(h.BootID[:], page[OffBootID:])
	return h, nil
}
