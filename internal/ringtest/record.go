package ringtest

import (
	"encoding/binary"
	"fmt"
)

// MinRecord is the size of the smallest record that carries its number.
const MinRecord = 8

// Record returns a payload of n bytes, at least MinRecord, of which every byte
// follows from id and its place: a mixture of two records is none.
func Record(id uint64, n int) []byte {
	b := make([]byte, n)
	FillRecord(b, id, 0, n)
	return b
}

// FillRecord writes bytes from to to of record id into b.
func FillRecord(b []byte, id uint64, from, to int) {
	for i := from; i < to; i++ {
		b[i] = recordByte(id, len(b), i)
	}
}

// ReadRecord returns the number of the record in b, or an error when b is not
// one record.
func ReadRecord(b []byte) (id uint64, err error) {
	if len(b) < MinRecord {
		return 0, fmt.Errorf("record of %d bytes has no number", len(b))
	}
	id = binary.LittleEndian.Uint64(b)
	return id, CheckRecord(b, id, 0, len(b))
}

// CheckRecord tells whether bytes from to to of b are those of record id.
func CheckRecord(b []byte, id uint64, from, to int) error {
	for i := from; i < to; i++ {
		if want := recordByte(id, len(b), i); b[i] != want {
			return fmt.Errorf("record %#x: byte %d of %d is %#x, want %#x", id, i, len(b), b[i], want)
		}
	}
	return nil
}

func recordByte(id uint64, n, i int) byte {
	if i < MinRecord {
		return byte(id >> (8 * i))
	}
	x := (id+uint64(n)<<32+uint64(i)>>3)*0x9e3779b97f4a7c15 + 1
	return byte(x >> (8 * (uint(i) % 8)))
}
