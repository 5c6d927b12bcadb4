// Package dump is the file format in which records of a queue are kept outside of it.
// docs/commands.md says what each byte means.
//
//	┌────────────┬──────────┬─   ─┬──────────┬─────────┐
//	│ header, 64 │ record   │ ... │ record   │ end, 20 │
//	└────────────┴──────────┴─   ─┴──────────┴─────────┘
//	  record:  length u32 │ redelivered u32 │ payload │ crc u32
//	  end:     ffffffff   │ 0           u32 │ records u64 │ crc u32
//
// Each part has a checksum of its own, so damage is found where it is and what comes
// before it can be used; and only a whole file has an end.
package dump

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"time"

	"github.com/shmq/shmq/layout"
)

const (
	magic      = "shmqd\r\n\x1a"
	version    = 1
	headerSize = 64
	recordHead = 8
	crcSize    = 4
	endMark    = 1<<32 - 1
	// readStep bounds what is allocated before it is known to be there.
	readStep = 1 << 20
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

// Header says of which queue the records are.
type Header struct {
	layout.Geometry
	Mode fs.FileMode // permission bits
	Time time.Time   // of the dump
}

func seal(b []byte, from int) []byte {
	return le.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// AppendHeader appends the header, with which a file starts.
func AppendHeader(b []byte, h Header) []byte {
	from := len(b)
	var flags uint32
	if h.ManyProducers {
		flags |= layout.FlagManyProducers
	}
	if h.ManyConsumers {
		flags |= layout.FlagManyConsumers
	}
	if h.Checksum {
		flags |= layout.FlagChecksum
	}
	if h.Timestamps {
		flags |= layout.FlagTimestamps
	}
	if h.Each {
		flags |= layout.FlagEach
	}
	if h.Skip {
		flags |= layout.FlagSkip
	}
	b = append(b, magic...)
	b = le.AppendUint32(b, version)
	b = le.AppendUint32(b, flags)
	b = le.AppendUint64(b, h.Slots)
	b = le.AppendUint64(b, h.AreaSize)
	b = le.AppendUint32(b, uint32(h.Seats))
	b = le.AppendUint32(b, uint32(h.Mode.Perm()))
	b = le.AppendUint64(b, uint64(h.Time.UnixNano()))
	b = le.AppendUint32(b, uint32(h.Subscriptions))
	b = le.AppendUint32(b, uint32(h.Keep))
	b = append(b, make([]byte, headerSize-crcSize-(len(b)-from))...)
	return seal(b, from)
}

// AppendRecord appends a record. The payload may lie in memory that others write: the
// checksum is of the copy.
func AppendRecord(b, payload []byte, redelivered int) []byte {
	from := len(b)
	b = le.AppendUint32(b, uint32(len(payload)))
	b = le.AppendUint32(b, uint32(redelivered))
	b = append(b, payload...)
	return seal(b, from)
}

// AppendEnd appends the end of a file with that many records.
func AppendEnd(b []byte, records uint64) []byte {
	from := len(b)
	b = le.AppendUint32(b, endMark)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, records)
	return seal(b, from)
}

// Error says at which byte a file makes no sense, and why.
type Error struct {
	Offset int64
	Why    string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Why) }

// Reader reads a file. Records that it returns have been checked.
type Reader struct {
	Header  Header
	Records uint64 // that Next has returned
	in      io.Reader
	offset  int64 // of what is read next
	buf     []byte
	err     error // of the last call; final
}

// NewReader reads the header. Errors: *Error, and those of in.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{in: in}
	b, err := r.read(nil, headerSize)
	switch {
	case err != nil && !short(err):
		return nil, err
	case len(b) < len(magic) || string(b[:len(magic)]) != magic:
		return nil, &Error{0, "this is not a dump of a queue"}
	case err != nil:
		return nil, &Error{int64(len(b)), "it ends inside the header"}
	}
	if v := le.Uint32(b[8:]); v != version {
		return nil, &Error{8, fmt.Sprintf("it has version %d, this program reads version %d", v, version)}
	}
	if !sealed(b) {
		return nil, &Error{0, "the checksum of the header is wrong"}
	}
	flags := le.Uint32(b[12:])
	if flags&^(layout.FlagManyProducers|layout.FlagManyConsumers|layout.FlagChecksum|layout.FlagTimestamps|layout.FlagEach|layout.FlagSkip) != 0 {
		return nil, &Error{12, fmt.Sprintf("it uses features %#x that this program does not know", flags)}
	}
	r.Header = Header{
		Geometry: layout.Geometry{
			ManyProducers: flags&layout.FlagManyProducers != 0, ManyConsumers: flags&layout.FlagManyConsumers != 0, Checksum: flags&layout.FlagChecksum != 0,
			Timestamps: flags&layout.FlagTimestamps != 0,
			Slots:      le.Uint64(b[16:]), AreaSize: le.Uint64(b[24:]), Seats: int(min(le.Uint32(b[32:]), layout.MaxSeats+1)),
			Each: flags&layout.FlagEach != 0, Skip: flags&layout.FlagSkip != 0,
			Subscriptions: int(min(le.Uint32(b[48:]), layout.MaxSubscriptions+1)), Keep: uint64(le.Uint32(b[52:])),
		},
		Mode: fs.FileMode(le.Uint32(b[36:])), Time: time.Unix(0, int64(le.Uint64(b[40:]))),
	}
	if err := r.Header.Check(); err != nil {
		return nil, &Error{16, fmt.Sprintf("the header says %v", err)}
	}
	if r.Header.Mode&^fs.ModePerm != 0 {
		return nil, &Error{36, fmt.Sprintf("the header says mode %#o", uint32(r.Header.Mode))}
	}
	return r, nil
}

// Next returns the next record, which stays until the call after it, or io.EOF behind
// the end of a whole file. Other errors: *Error, and those of the input.
func (r *Reader) Next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	var payload []byte
	payload, r.err = r.next()
	return payload, r.err
}

func (r *Reader) next() ([]byte, error) {
	start := r.offset
	damaged := func(format string, args ...any) error { return &Error{start, fmt.Sprintf(format, args...)} }
	b, err := r.read(r.buf[:0], recordHead)
	if err == io.EOF {
		return nil, damaged("it ends without its end mark, after %d whole records", r.Records)
	}
	n := int64(8) // of an end
	if err == nil {
		if length := le.Uint32(b); length != endMark {
			if n = int64(length); n > int64(r.Header.MaxRecord()) {
				return nil, damaged("record %d has %d bytes, more than the queue could hold", r.Records+1, n)
			}
		}
		b, err = r.read(b, n+crcSize)
	}
	r.buf = b
	switch {
	case short(err):
		return nil, damaged("it ends inside record %d", r.Records+1)
	case err != nil:
		return nil, err
	case !sealed(b):
		return nil, damaged("the checksum of record %d is wrong", r.Records+1)
	}
	if le.Uint32(b) != endMark {
		r.Records++
		return b[recordHead : recordHead+n], nil
	}
	if count := le.Uint64(b[recordHead:]); count != r.Records {
		return nil, damaged("the end mark speaks of %d records, there are %d", count, r.Records)
	}
	end := r.offset
	if _, err := r.read(nil, 1); err != io.EOF {
		if err != nil {
			return nil, err
		}
		return nil, &Error{end, "something follows the end mark"}
	}
	return nil, io.EOF
}

func short(err error) bool { return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) }

// sealed reports whether b ends with the checksum of what comes before.
func sealed(b []byte) bool {
	body := b[:len(b)-crcSize]
	return le.Uint32(b[len(body):]) == crc32.Checksum(body, castagnoli)
}

// read appends n bytes of the input to b. The memory grows with what is there, not
// with what a length says.
func (r *Reader) read(b []byte, n int64) ([]byte, error) {
	for n > 0 {
		from := len(b)
		k := int(min(n, readStep))
		b = append(b, make([]byte, k)...)
		got, err := io.ReadFull(r.in, b[from:])
		r.offset += int64(got)
		n -= int64(got)
		if err != nil {
			return b[:from+got], err
		}
	}
	return b, nil
}
