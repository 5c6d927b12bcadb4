package ring

// Lease is a record in the hands of a consumer: its bytes stay where they are,
// in shared memory, and stay the consumer's until Ack or Release. If the holder
// dies first, the record is delivered again.
type Lease struct {
	// Data is the payload. It must not be used after Ack or Release. It lies
	// in memory that other processes can write: what must not change between
	// a check and its use has to be copied first.
	Data []byte
	// Redelivered is 0 when no one was handed this record before. Otherwise it
	// is at least 1: the number of earlier deliveries that were recorded.
	Redelivered int

	pos      uint64
	k        uint32
	releases uint32    // single consumer: how often it was released before
	seq      uint64    // its number among those this consumer handed out; see settle
	batch    *batch    // shared consumer: what it was taken with; nil when alone
	by       *Consumer // that holds it
	sentAt   uint64    // of a copy, whose record may have been written over since
}

// fill makes l the lease of a record of k slots at pos. The fields are stored one by one: a literal would be
// made beside l and then copied by wider loads, which wait for the stores before.
func (l *Lease) fill(data []byte, redelivered int, pos, k, seq uint64, by *Consumer) {
	l.Data = data
	l.Redelivered = redelivered
	l.pos = pos
	l.k, l.releases = uint32(k), 0
	l.seq = seq
	l.batch = nil
	l.by = by
	l.sentAt = 0
}

// Bytes returns Data, nil if the consumer was made Void.
func (l *Lease) Bytes() []byte {
	if l.by != nil && l.by.void.Load() {
		return nil
	}
	return l.Data
}

// Owner returns the Owner of the lease's consumer, nil for a lease that is none.
func (l *Lease) Owner() any {
	if l.by == nil {
		return nil
	}
	return l.by.Owner
}
