package format

import "fmt"

// batchBytes bounds what is gathered before it is flushed, but for one record.
const batchBytes = 256 << 10

// Batch gathers the records of an input.
type Batch struct {
	Unit string // the input's name for a record, set by the format

	MaxRecord, SlotSize int // bytes
	// Full is how many records fill the batch.
	Full int
	// Flush empties the batch. It is called when the batch is full, and by a format that
	// is about to write over a record that it gave to Add.
	Flush func() error
	// Warn, if it is not nil, gets what is odd about the input and no error.
	Warn func(text string)

	// Recs are the records. A format appends one to Buf and calls Added, or calls Add.
	Recs [][]byte
	Buf  []byte
	used int // of Buf
	size int // of all records
}

// Added takes note of one record that was appended to Buf.
func (b *Batch) Added() error {
	rec := b.Buf[b.used:]
	if len(rec) > b.MaxRecord {
		b.Buf = b.Buf[:b.used]
		return tooLarge(b.MaxRecord)
	}
	b.used = len(b.Buf) // where Buf grows, the records before it stay where they are
	return b.Add(rec)
}

// Add takes a record that stays as it is until the batch is flushed.
//
// Preconditions: it has MaxRecord bytes at most.
func (b *Batch) Add(rec []byte) error {
	b.Recs = append(b.Recs, rec)
	b.size += len(rec)
	if len(b.Recs) >= b.Full || b.size >= batchBytes {
		return b.Flush()
	}
	return nil
}

func (b *Batch) warn(format string, args ...any) {
	if b.Warn != nil {
		b.Warn(fmt.Sprintf(format, args...))
	}
}

// Reset forgets the records.
func (b *Batch) Reset() { b.Recs, b.Buf, b.used, b.size = b.Recs[:0], b.Buf[:0], 0, 0 }

// tooLarge returns the error about a record of more than limit bytes.
func tooLarge(limit int) error {
	return badData("it has more than %d bytes, the limit of this queue; make one with larger or more slots (shmq create --slot-size, --slots)", limit)
}
