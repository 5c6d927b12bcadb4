// Package layout is the one place that knows what the bytes of a queue mean:
// the offset of every field, the bits of every shared word, and how to tell a
// queue from any other file. It does no I/O and touches no shared memory.
// docs/layout.md says the same for readers in other languages.
package layout

import "encoding/binary"

// Version is the layout that this package reads and writes. A file of another
// version is refused: no field below may be trusted across versions.
const Version = 2

// Magic opens every queue file.
const Magic = "shmq\r\n\x1a\x00"

// A queue, from the first byte on. All numbers are little-endian; everything
// the hot path touches is aligned so that the two sides share no line but the
// slot they hand over.
//
//	offset        size
//	0             4096          header: what it is and how large, written once
//	4096          4096          hot words, a 128-byte line each
//	8192          seats x 256   seat table: the participants
//	SlotOffset    slots x 64    slot lines: word, length, small payloads
//	DataOffset    slots x D     data areas: larger payloads; page-aligned
const (
	HeaderSize = 4096
	HotOffset  = HeaderSize
	HotSize    = 4096
	SeatOffset = HotOffset + HotSize

	// LineSize keeps words apart that different parties write: two 64-byte
	// lines, because adjacent-line prefetchers fetch them in pairs.
	LineSize = 128
	SeatSize = 2 * LineSize
	SlotSize = 64
	// AreaUnit divides the size of a data area, so that each area starts on
	// a cache line.
	AreaUnit = 64
	pageSize = 4096
)

// Header fields, offsets from the start of the file. The header is complete
// before the file has a name and is never written again.
const (
	OffMagic      = 0   // [8]byte
	OffVersion    = 8   // u32
	OffHeaderSize = 12  // u32, 4096
	OffFlags      = 16  // u32, Flag*
	OffSeats      = 20  // u32, number of seats
	OffSlots      = 24  // u64, number of slots, a power of two
	OffAreaSize   = 32  // u64, D, bytes of one data area
	OffHot        = 40  // u64, 4096
	OffSeatTable  = 48  // u64, 8192
	OffSlotTable  = 56  // u64
	OffData       = 64  // u64
	OffTotalSize  = 72  // u64, bytes of the whole file
	OffCreated    = 80  // i64, Unix time in nanoseconds
	OffCreationID = 88  // [16]byte, random
	OffBootID     = 104 // [16]byte, the kernel's boot id at creation
	OffHeaderCRC  = 124 // u32, CRC-32C of bytes 0 to 123
)

// Bytes of the file that are locked, never read or written. The locks are the
// kernel's open file description locks; seat i locks its entry's first byte.
const (
	// LockProducer is held shared by every producer of a many-producer
	// queue, exclusively by the producer of a single-producer one.
	LockProducer = 1024
	// LockConsumer is the same for consumers.
	LockConsumer = 1025
	// LockImage is the gate of a queue with checksums. A process that attaches to one
	// holds it exclusively while it finds out whether any other is attached,
	// rebuilds the ring from what a disk kept if it has to, and takes its role; so does
	// one that leaves, recovers from outside, or removes the queue. In any queue a process
	// that begins an incarnation holds it, until it has taken its role; see HotHome.
	LockImage = 1026
	// LockName is held exclusively by the remover of the queue, from its check that the
	// name means this file until the name is gone.
	LockName = 1027
)

// Flags of the header. A file with a flag unknown here is refused.
const (
	FlagManyProducers = 1 << 0
	FlagManyConsumers = 1 << 1
	FlagChecksum      = 1 << 2 // each record has a checksum, at SlotSum
	FlagTimestamps    = 1 << 3 // each record says when it was sent, at SlotTime
	knownFlags        = FlagManyProducers | FlagManyConsumers | FlagChecksum | FlagTimestamps
)

// Hot words, offsets from HotOffset. Each has a 128-byte line of its own. Each
// comment names the word's writers, the order of their stores, and what a writer
// that dies right there leaves behind.
const (
	// HotTail, u64: the position where the next claim starts.
	// Single producer: stored by it after the record's word; a death between
	// the two leaves tail one record behind, and the successor walks on from
	// there. Many: a hint that any producer that meets a claimed word at tail moves, by
	// CAS, by the word's whole k, before the record can be published; so a
	// death leaves it behind by one claim, which the next one repairs.
	HotTail = 0 * LineSize

	// HotDataFutex, u32: where consumers sleep. Bit 0 says that someone may be
	// asleep, the rest counts wake-ups. Set by sleepers, cleared by
	// publishers. A death leaves at worst the bit set, which costs the next
	// publisher one system call.
	HotDataFutex = 1 * LineSize

	// HotHead, u64: the position of the oldest record nobody has taken.
	// Single consumer: stored by it alone, when records are acknowledged, and
	// is what frees the slots before it; what a death leaves unacknowledged
	// stays at or behind head. Many: a hint that any consumer that meets a taken word
	// at head moves, by CAS, by the word's whole k, before the slots can
	// become free.
	HotHead = 2 * LineSize

	// HotHandout, u64: single consumer only: the end of what was handed to
	// the application, stored before the hand-out; it never goes back. After a
	// death, records in [head, handout) may have been seen and are delivered
	// flagged.
	HotHandout = 3 * LineSize

	// HotRoomFutex, u32: where producers wait for room; as HotDataFutex.
	HotRoomFutex = 4 * LineSize

	// HotOrphans, u64: many consumers only: counts the times that an Orphan
	// word may have appeared. Added to after the words are written; a death in
	// between leaves the seat dirty, and the recoverer of the seat adds again.
	HotOrphans = 5 * LineSize

	// HotTurn, u64: many producers only: 0, or a producer that needs several
	// slots asks the others to stand back: its seat + 1 in the low 16 bits,
	// above them the CLOCK_MONOTONIC millisecond at which the request lapses.
	// Advice: written by CAS, lost by lapse when its writer dies.
	HotTurn = 6 * LineSize

	// HotEpoch, u64: counts producers that ever attached. Added to by each
	// after it holds its role lock. 0 means that the stream has not begun.
	HotEpoch = 7 * LineSize

	// HotFinished, u64: the epoch that a producer marked as the last of the
	// stream. The stream is at its end while this equals HotEpoch, is not 0,
	// and no producer is attached; a producer that attaches later raises the
	// epoch and so continues the stream.
	HotFinished = 8 * LineSize

	// HotSkipped, u64: claims of dead producers that were turned into Skip.
	// Added to after the word; a death in between loses one from the count.
	HotSkipped = 9 * LineSize

	// HotImage, u64: queues with checksums only. 0: the words are in order. Otherwise
	// a stamp of the boot, file and mount in which the queue is in use. A process that attaches
	// writes it under LockImage, and has it on the disk before it writes anything
	// else; the last one to leave has all else on the disk and then writes 0. One that attaches
	// alone and finds another stamp than its own knows that the machine stopped, or
	// that this is a copy: what stands here may be of many moments, and the ring is
	// rebuilt. A process that dies leaves the stamp, of its own boot: the words are
	// then in order as far as recovery brings them.
	HotImage = 10 * LineSize

	// HotHome, u64: a stamp of the boot, file and mount in which the current incarnation
	// began, and, in a filesystem in memory, of the last write to the file that was not
	// through a mapping; 0 while there is none. It shares the line of HotImage: both are
	// written by a process that holds LockImage and is alone. Stored after the
	// incarnation's entry, and read by each participant after it has taken its role: one
	// whose own stamp is another takes its role again, under LockImage. A death between
	// the entry and this word leaves the old stamp, and an incarnation that ends where it
	// began.
	HotHome = HotImage + 8

	// HotTorn, u64: records that were dropped because their checksum was wrong. Added
	// to after the drop; a death in between loses one from the count.
	HotTorn = 11 * LineSize

	// HotIncarnations: a table of IncarnationCount entries of IncarnationSize bytes, the
	// second half of the page. See Incarnations.
	HotIncarnations = 16 * LineSize
)

// Slot line fields, offsets from the line's start.
//
//	 0        8         12        16                          64
//	┌────────┬─────────┬─────────┬───────────────────────────┐
//	│ word   │ length  │ meta    │ inline payload, 48 bytes  │
//	└────────┴─────────┴─────────┴───────────────────────────┘
//
// In a queue with checksums the last four bytes are that of the record, wherever its
// payload lies, and 44 bytes are left for an inline one. In a queue with time stamps the
// record's takes the eight bytes behind meta, and an inline payload starts at 24. See
// Geometry.InlineOffset and InlineSize.
//
// length and meta are written before the word that publishes them, by the
// owner of the word, and read once by each reader.
const (
	SlotWord   = 0  // u64, Word
	SlotLength = 8  // u32, payload bytes
	SlotMeta   = 12 // u32, Meta*
	SlotInline = 16
	InlineSize = SlotSize - SlotInline
	// SlotTime, u64, with time stamps only: when the record was sent, in nanoseconds of
	// Unix time (CLOCK_REALTIME). Written with length and meta.
	SlotTime       = 16
	SlotTimeInline = 24 // where an inline payload starts then
	// SlotSum, u32, with checksums only: CRC-32C of SumHead and the payload. Written
	// before the word that publishes the record.
	SlotSum = 60
)

// Bits of a slot's meta field.
const (
	// MetaArea: the payload lies in the data area; otherwise in the line.
	MetaArea = 1 << 8
	// MetaDeliveriesShift: the upper 16 bits count deliveries beyond the
	// first that a holder recorded. A holder that died before recording its
	// own makes the count one too small, never too large.
	MetaDeliveriesShift = 16
	// MetaKindMask: the lower eight bits tell the kind of record; 0 is the
	// only one so far.
	MetaKindMask = 0xff
	// MetaSummed are the bits that stay as they are, and that the checksum covers.
	MetaSummed = MetaKindMask | MetaArea
)

// Lengths of what SumHead writes, without time stamps and with them.
const (
	SumHeadSize     = 16
	SumTimeHeadSize = 24
)

// SumHead writes to b what the checksum of a record covers before the payload:
// its position as far as a Word can tell it, sixty bits, as a u64; its length; its
// meta without the deliveries; and, with time stamps only, its time. Not k: of the first
// record in a take only the slots of the whole take are known.
func SumHead(b *[SumTimeHeadSize]byte, p uint64, length, meta uint32, time uint64) {
	le := binary.LittleEndian
	le.PutUint64(b[:], p<<stateBits>>stateBits)
	le.PutUint32(b[8:], length)
	le.PutUint32(b[12:], meta&MetaSummed)
	le.PutUint64(b[SumHeadSize:], time)
}
