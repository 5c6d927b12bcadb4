package wire

import (
	"encoding/binary"
	"math"
)

// The functions below read the value at the start of src when it is of the kind
// that they are for, and return its size, or size 0 when it is anything else or
// cut short: Parse then tells what it is. They are what decoding spends its time
// in.

// ReadInt reads an integer that fits an int64.
func ReadInt(src []byte) (n int64, size int) {
	if len(src) == 0 {
		return 0, 0
	}
	c := src[0]
	if c < codeFixMap || c >= codeNegative {
		return int64(int8(c)), 1
	}
	switch c {
	case codeUint8:
		if len(src) >= 2 {
			return int64(src[1]), 2
		}
	case codeUint16:
		if len(src) >= 3 {
			return int64(binary.BigEndian.Uint16(src[1:])), 3
		}
	case codeUint32:
		if len(src) >= 5 {
			return int64(binary.BigEndian.Uint32(src[1:])), 5
		}
	case codeUint64:
		if len(src) >= 9 && src[1] < 0x80 {
			return int64(binary.BigEndian.Uint64(src[1:])), 9
		}
	case codeInt8:
		if len(src) >= 2 {
			return int64(int8(src[1])), 2
		}
	case codeInt16:
		if len(src) >= 3 {
			return int64(int16(binary.BigEndian.Uint16(src[1:]))), 3
		}
	case codeInt32:
		if len(src) >= 5 {
			return int64(int32(binary.BigEndian.Uint32(src[1:]))), 5
		}
	case codeInt64:
		if len(src) >= 9 {
			return int64(binary.BigEndian.Uint64(src[1:])), 9
		}
	}
	return 0, 0
}

// ReadUint reads an integer that is not negative.
func ReadUint(src []byte) (n uint64, size int) {
	if len(src) >= 9 && src[0] == codeUint64 {
		return binary.BigEndian.Uint64(src[1:]), 9
	}
	i, size := ReadInt(src)
	if i < 0 {
		return 0, 0
	}
	return uint64(i), size
}

// ReadFloat64 reads a float of 64 bits.
func ReadFloat64(src []byte) (f float64, size int) {
	if len(src) >= 9 && src[0] == codeFloat64 {
		return math.Float64frombits(binary.BigEndian.Uint64(src[1:])), 9
	}
	return 0, 0
}

// ReadBool reads a boolean.
func ReadBool(src []byte) (v bool, size int) {
	if len(src) >= 1 && src[0]&^1 == codeFalse {
		return src[0] == codeTrue, 1
	}
	return false, 0
}

// ReadStr reads a text; it is src[head:size].
func ReadStr(src []byte) (head, size int) {
	if len(src) == 0 {
		return 0, 0
	}
	switch c := src[0]; {
	case c&0xe0 == codeFixStr:
		head, size = 1, 1+int(c&0x1f)
	case c == codeStr8 && len(src) >= 2:
		head, size = 2, 2+int(src[1])
	case c == codeStr16 && len(src) >= 3:
		head, size = 3, 3+int(binary.BigEndian.Uint16(src[1:]))
	}
	if size > len(src) {
		return 0, 0
	}
	return head, size
}

// ReadMap reads the header of a map of n pairs.
func ReadMap(src []byte) (n, size int) {
	if len(src) == 0 {
		return 0, 0
	}
	switch c := src[0]; {
	case c&0xf0 == codeFixMap:
		return int(c & 0x0f), 1
	case c == codeMap16 && len(src) >= 3:
		return int(binary.BigEndian.Uint16(src[1:])), 3
	}
	return 0, 0
}
