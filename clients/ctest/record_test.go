package ctest_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// record makes record n, as the client's make_record does.
func record(n int) []byte {
	const most = 5 * slotSize
	switch n % 5 {
	case 0:
		return []byte{}
	case 1:
		return []byte{byte(n & 0x7f)}
	case 2:
		return binary.BigEndian.AppendUint32([]byte{0xce}, uint32(n))
	}
	size := n * 37 % (most - 4)
	var b []byte
	switch {
	case size < 32:
		b = []byte{0xa0 | byte(size)}
	case size < 1<<8:
		b = []byte{0xd9, byte(size)}
	default:
		b = binary.BigEndian.AppendUint16([]byte{0xda}, uint16(size))
	}
	for i := range size {
		b = append(b, byte('a'+(n+i)%26))
	}
	return b
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// line is what the client prints of a record.
func line(b []byte) string {
	return fmt.Sprintf("%d %08x", len(b), crc32.Checksum(b, castagnoli))
}

func lines(out string) []string {
	return slices.DeleteFunc(strings.Split(out, "\n"), func(s string) bool { return s == "" })
}
