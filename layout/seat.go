package layout

// Seat entry fields, offsets from the entry's start. The first 64 bytes are
// written when a seat is taken and when it is left, the others by their owner
// alone, with plain stores, all of them while the owner holds the seat's lock.
const (
	// SeatState, u32: SeatClean or SeatDirty. Dirty is stored first after the
	// lock is taken, and clean last before it is dropped: a dirty entry
	// without a lock is a dead one whose slots need recovery.
	SeatState     = 0
	SeatRole      = 4  // u32, RoleProducer or RoleConsumer
	SeatPID       = 8  // u32, in the holder's own PID namespace
	SeatUID       = 12 // u32
	SeatStartTime = 16 // u64, process start, clock ticks since boot
	SeatAttached  = 24 // i64, Unix time in nanoseconds
	SeatCommand   = 32 // [24]byte, NUL-terminated
	SeatCommandN  = 24
	// SeatInherits, u64: many consumers only: 0, or 1 + the position of the first record
	// of a dead consumer's takes that this one has and has not handed out yet. Before the
	// CAS that takes an orphan it is 1 + that one's position; it is stored again when a
	// record is handed out, and cleared when the last one is, or is given back. A death
	// leaves it, with the seat dirty and the take an orphan.
	SeatInherits = 56

	SeatRecords     = 64 // u64, records sent or acknowledged
	SeatBytes       = 72 // u64, their payload bytes
	SeatWaits       = 80 // u64, times it went to sleep
	SeatWakes       = 88 // u64, wake-ups it issued
	SeatRedelivered = 96 // u64, records received with the redelivered flag
	// SeatHeldSince, u64: reading of the entry's clock when its holder went from
	// holding nothing to holding something: a consumer's leases, a producer's
	// reservation. 0 when it holds nothing; also when it does not tell.
	SeatHeldSince = 104
	// SeatClockStart, u64: reading of that clock at SeatAttached.
	SeatClockStart = 112
	// SeatClock, u32: which clock, Clock*. Written with the first 64 bytes.
	SeatClock = 120
	// SeatAwaits, u32: a consumer's: 0, or 2n + 1, modulo 2^32, where n is the first end
	// that is this consumer's: the ends from it on come while it is attached, and it has
	// not been told that one. Stored when it attaches and when it is told an end. After
	// its death the ends are open to others.
	SeatAwaits = 124

	// SeatFolds, u64, and two banks of sums: what all holders of this seat have counted,
	// since the queue was made or rebuilt. Written by a new holder, under the seat's lock.
	// f = SeatFolds tells which bank counts, and whether the counters at SeatRecords are
	// in it:
	//
	//	f even: bank f/2 mod 2, and the counters are to be added, by SeatRole
	//	f odd:  bank (f+1)/2 mod 2; the counters are in it
	//
	// A new holder writes the other bank, stores f+1, clears the counters and describes
	// itself, and stores f+2. A death in between leaves sums that are right by this rule,
	// and perhaps an odd f, from which the next holder goes on.
	SeatFolds = 128
	SeatBanks = 136
	// A bank, five u64, offsets from its start.
	BankSent          = 0
	BankSentBytes     = 8
	BankReceived      = 16
	BankReceivedBytes = 24
	BankRedelivered   = 32
	BankSize          = 40
)

// Clocks of a seat entry.
const (
	ClockNone = 0 // SeatHeldSince says nothing
	ClockCPU  = 1 // x86: time stamp counter; arm64: CNTVCT_EL0; no other has one
	ClockUnix = 2 // Unix time in nanoseconds
)

// States of a seat entry.
const (
	SeatClean = 0
	SeatDirty = 1
)

// Roles of a seat entry.
const (
	RoleProducer = 1
	RoleConsumer = 2
)
