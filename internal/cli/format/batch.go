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
	// Flush empties the batch. It is called when the batch is full.
	Flush func() error
	// Warn, if it is not nil, gets what is odd about the input and no error.
	Warn func(text string)

	// Buf holds the records, each up to one of Ends. A format appends a record and
	// calls Added.
	Buf  []byte
	Ends []int
}

// Added takes note of one record that was appended to Buf.
func (b *Batch) Added() error {
	start := 0
	if n := len(b.Ends); n > 0 {
		start = b.Ends[n-1]
	}
	if len(b.Buf)-start > b.MaxRecord {
		b.Buf = b.Buf[:start]
		return tooLarge(b.MaxRecord)
	}
	b.Ends = append(b.Ends, len(b.Buf))
	if len(b.Ends) >= b.Full || len(b.Buf) >= batchBytes {
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
func (b *Batch) Reset() { b.Buf, b.Ends = b.Buf[:0], b.Ends[:0] }

// tooLarge returns the error about a record of more than limit bytes.
func tooLarge(limit int) error {
	return badData("it has more than %d bytes, the limit of this queue; make one with larger or more slots (shmq create --slot-size, --slots)", limit)
}
