package wire

import (
	"encoding/binary"
	"math"
)

// AppendNil appends nil.
func AppendNil(dst []byte) []byte {
	return append(dst, codeNil)
}

// AppendBool appends a boolean.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, codeTrue)
	}
	return append(dst, codeFalse)
}

// AppendUint appends n in the fewest bytes.
func AppendUint(dst []byte, n uint64) []byte {
	switch {
	case n < codeFixMap:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, codeUint8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, codeUint16), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, codeUint32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, codeUint64), n)
}

// AppendInt appends n in the fewest bytes; a number that is not negative takes
// the form that AppendUint gives it.
func AppendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return AppendUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, codeInt8, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, codeInt16), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, codeInt32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, codeInt64), uint64(n))
}

// AppendFloat64 appends f, even when it is whole, as a float.
func AppendFloat64(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, codeFloat64), math.Float64bits(f))
}

// AppendFloat32 appends f as a float of 32 bits.
func AppendFloat32(dst []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, codeFloat32), math.Float32bits(f))
}

// AppendStr appends a string, whose bytes should be UTF-8.
//
// Preconditions: len(s) fits 32 bits.
func AppendStr(dst, s []byte) []byte {
	return append(appendStrHeader(dst, len(s)), s...)
}

// AppendString is AppendStr for a Go string.
func AppendString(dst []byte, s string) []byte {
	if len(s) < codeNil-codeFixStr {
		return append(append(dst, codeFixStr|byte(len(s))), s...)
	}
	return append(appendStrHeader(dst, len(s)), s...)
}

func appendStrHeader(dst []byte, n int) []byte {
	switch {
	case n < codeNil-codeFixStr:
		return append(dst, codeFixStr|byte(n))
	case n <= math.MaxUint8:
		return append(dst, codeStr8, byte(n))
	}
	return appendLen(dst, codeStr16, codeStr32, n)
}

// AppendBin appends bytes that are not text.
//
// Preconditions: len(b) fits 32 bits.
func AppendBin(dst, b []byte) []byte {
	if n := len(b); n <= math.MaxUint8 {
		dst = append(dst, codeBin8, byte(n))
	} else {
		dst = appendLen(dst, codeBin16, codeBin32, n)
	}
	return append(dst, b...)
}

// AppendArrayHeader appends the header of an array of n values, which the
// caller appends after it.
//
// Preconditions: n is not negative and fits 32 bits.
func AppendArrayHeader(dst []byte, n int) []byte {
	if n < codeFixStr-codeFixArray {
		return append(dst, codeFixArray|byte(n))
	}
	return appendLen(dst, codeArray16, codeArray32, n)
}

// AppendMapHeader appends the header of a map of n pairs, which the caller
// appends after it: a key, its value, and so on.
//
// Preconditions: n is not negative and fits 32 bits.
func AppendMapHeader(dst []byte, n int) []byte {
	if n < codeFixArray-codeFixMap {
		return append(dst, codeFixMap|byte(n))
	}
	return appendLen(dst, codeMap16, codeMap32, n)
}

func appendLen(dst []byte, code16, code32 byte, n int) []byte {
	if n <= math.MaxUint16 {
		return binary.BigEndian.AppendUint16(append(dst, code16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, code32), uint32(n))
}
