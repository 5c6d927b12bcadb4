// Package layout is the one place that knows what the bytes of a queue mean:
// the offset of every field, the bits of every shared word, and how to tell a
// queue from any other file. It does no I/O and touches no shared memory.
// docs/layout.md says the same for readers in other languages.
package layout

// Version is the layout that this package reads and writes. A file of another
// version is refused: no field below may be trusted across versions.
const Version = 3

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
//	...           subs x 512    subscription table, FlagEach only
//	SlotOffset    slots x 64    slot lines: word, length, small payloads
//	DataOffset    slots x D     data areas: larger payloads; page-aligned
const (
	HeaderSize = 4096
	HeaderUsed = 128 // of it, the rest says nothing
	HotOffset  = HeaderSize
	HotSize    = 4096
	SeatOffset = HotOffset + HotSize

	// LineSize keeps words apart that different parties write: two 64-byte
	// lines, because adjacent-line prefetchers fetch them in pairs.
	LineSize = 128
	SeatSize = 2 * LineSize
	// SubscriptionSize: entry i of the subscription table; its first byte is locked
	// exclusively by its holder.
	SubscriptionSize = 4 * LineSize
	SlotSize         = 64
	// AreaUnit divides the size of a data area, so that each area starts on
	// a cache line.
	AreaUnit = 64
	pageSize = 4096
)

// Header fields, offsets from the start of the file. The header is complete
// before the file has a name and is never written again.
const (
	OffMagic         = 0   // [8]byte
	OffVersion       = 8   // u32
	OffHeaderSize    = 12  // u32, 4096
	OffFlags         = 16  // u32, Flag*
	OffSeats         = 20  // u16, number of seats
	OffSubscriptions = 22  // u16, FlagEach: entries of the subscription table
	OffSlots         = 24  // u64, number of slots, a power of two
	OffAreaSize      = 32  // u64, D, bytes of one data area
	OffHot           = 40  // u64, 4096
	OffSeatTable     = 48  // u64, 8192
	OffSlotTable     = 56  // u64
	OffData          = 64  // u64
	OffTotalSize     = 72  // u64, bytes of the whole file
	OffCreated       = 80  // i64, Unix time in nanoseconds
	OffCreationID    = 88  // [16]byte, random
	OffBootID        = 104 // [16]byte, the kernel's boot id at creation
	OffKeep          = 120 // u32, FlagEach: slots that stay whole behind tail
	OffHeaderCRC     = 124 // u32, CRC-32C of bytes 0 to 123
)

// Flags of the header. A file with a flag unknown here is refused.
const (
	FlagManyProducers = 1 << 0
	FlagManyConsumers = 1 << 1
	FlagChecksum      = 1 << 2 // each record has a checksum, at SlotSum
	FlagTimestamps    = 1 << 3 // each record says when it was sent, at SlotTime
	FlagEach          = 1 << 4 // each consumer gets every record; never with FlagManyConsumers
	FlagSkip          = 1 << 5 // FlagEach: producers wait for no subscription
	knownFlags        = FlagManyProducers | FlagManyConsumers | FlagChecksum | FlagTimestamps | FlagEach | FlagSkip
)

// Hot words, offsets from HotOffset. Each has a 128-byte line of its own. Each
// comment names the word's writers, the order of their stores, and what a writer
// that dies right there leaves behind.
const (
	// HotTail, u64: the position where the next claim starts.
	// Single producer: stored by it after the record's word, or after those of
	// several records, of half the slots at most; a death in between leaves
	// tail behind by as much, and the successor walks on from there. Many, and a single
	// consumer: a hint that any producer that meets a claimed word at tail moves, by CAS, by the
	// word's whole k, before the record can be published; so a death leaves it behind by one
	// claim, which the next producer repairs. Many on both sides: a hint that producers move
	// forward now and then, by CAS, to where a claim ends; the words tell which slots were
	// claimed since. A death leaves it behind until another producer moves it.
	HotTail = 0 * LineSize

	// HotDataFutex, u32: where consumers sleep. Bit 0 says that someone may be
	// asleep, the rest counts wake-ups. Set by sleepers, cleared by
	// publishers. A death leaves at worst the bit set, which costs the next
	// publisher one system call.
	HotDataFutex = 1 * LineSize

	// HotHead, u64: the position of the oldest record nobody has taken.
	// Single consumer: stored by it alone, when records are acknowledged, and
	// is what frees the slots before it; what a death leaves unacknowledged
	// stays at or behind head. Many: a hint that consumers move forward now and then, by CAS,
	// to where a take ends; the words tell which slots were taken since. A death leaves it
	// behind until another participant moves it.
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

	// HotTurn, Turn: many producers only: 0, or a producer that needs several
	// slots asks the others to leave it what comes free from a position on. Advice:
	// written by CAS, by a producer that finds no turn that counts but its own, and
	// cleared by it or by the recoverer of its seat. When its writer dies it lapses.
	HotTurn = 6 * LineSize

	// HotEpoch, u64: counts producers that ever began to send. Added to by each, when
	// nothing can refuse it any more, while it holds its role's lock. A death right after
	// it is that of a producer. 0 means that no stream has begun.
	HotEpoch = 7 * LineSize

	// HotFinished, u64: the epoch that a producer marked as the last of its stream.
	// The mark counts if it equals HotEpoch when the last producer has gone; one that
	// begins later raises the epoch and so continues the stream.
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

	// HotLeft, u64: counts producers that began and left in order. Added to by each
	// before it drops its role's lock. So when no producer is attached, HotEpoch -
	// HotLeft is how many ever died; a death right before the addition is one, right
	// after it none: all was sent.
	HotLeft = 12 * LineSize

	// HotTold, u64: the ends up to this number were told to a consumer, or had by one that
	// does not ask for ends and found the queue drained: they are for no consumer any
	// more but for those that were attached when they came. Raised
	// by CAS, to at most HotEnds. A consumer that dies between the CAS and the return
	// of its call has been told.
	HotTold = 13 * LineSize

	// HotMet, u64: the ends up to this number came while a consumer awaited them, or a
	// consumer has come since. Raised by CAS by each consumer that attaches, and before
	// HotEnds by the participant that notes an end. A death between these two leaves it one
	// too high: then the end is one that a consumer had the chance to be told.
	HotMet = 14 * LineSize

	// HotEnds, u64: counts the ends of streams, and so is the number of the last. Stored
	// by the holder of LockStream while no producer is attached, after the entry of the end
	// in the log: this one store is the end. A death before it leaves an entry that
	// counts for nothing, and the next participant that asks notes the end again. It shares head's
	// line, which a single consumer has at hand anyway, because that one looks at it for
	// each record if it asks for ends.
	HotEnds = HotHead + 8

	// HotEndLog: the last EndLogSize ends; the entry of end n is number n mod
	// EndLogSize. Before the first, entry 0 is zeros, which is right.
	HotEndLog = 16 * LineSize
	// EndLogSize is how many ends are remembered, a power of two.
	EndLogSize = 32
	// EndSize is the size of an entry in bytes.
	EndSize = 32

	// HotIncarnations: a table of IncarnationCount entries of IncarnationSize bytes, the
	// last quarter of the page. See Incarnations.
	HotIncarnations = 24 * LineSize
)

// Fields of an entry of the end log, offsets from the entry's start.
const (
	// EndMark, u64: position << 4 | EndFinished, EndLeft or EndCut. The position is
	// where the stream's last record ends and the next stream's first one goes. One word,
	// so that a reader sees both of the same end.
	EndMark      = 0
	EndEpoch     = 8  // u64, HotEpoch when the end was noted
	EndLeftCount = 16 // u64, HotLeft then
)

// How a stream ended.
const (
	EndFinished = 1 // by a mark of its latest producer
	EndLeft     = 2 // its producers have left, in order, without one
	EndCut      = 3 // a producer died, or gave up; also what a power failure leaves
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
	// MetaMarked: with checksums only: the record's mark is at SlotMark, and the checksum
	// covers it.
	MetaMarked = 1 << 9
	// MetaDeliveriesShift: the upper 16 bits count deliveries beyond the
	// first that a holder recorded. A holder that died before recording its
	// own makes the count one too small, never too large.
	MetaDeliveriesShift = 16
	// MetaKindMask: the lower eight bits tell the kind of record; 0 is the
	// only one so far.
	MetaKindMask = 0xff
	// MetaSummed are the bits that stay as they are, and that the checksum covers.
	MetaSummed = MetaKindMask | MetaArea | MetaMarked
)
