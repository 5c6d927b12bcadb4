// Package wire is the msgpack wire format in one place: what each first byte
// announces, and how headers and scalars are written.
//
// It knows no Go types beyond numbers and byte slices, allocates nothing, and
// trusts no length it reads. The codec and jsonpack packages build on it.
package wire

import (
	"encoding/binary"
	"errors"
)

// Kind says what a token is.
type Kind uint8

// The kinds of token. Positive fixints and the uint family are Uint, negative
// fixints and the int family are Int, whatever the sign of the number.
const (
	Invalid Kind = iota
	Nil
	Bool
	Uint
	Int
	Float32
	Float64
	Str
	Bin
	Ext
	Array
	Map
)

var (
	// ErrShort means that the bytes end inside the token.
	ErrShort = errors.New("wire: bytes end inside a value")
	// ErrCode means that a value starts with the one byte msgpack never uses, 0xc1.
	ErrCode = errors.New("wire: no value starts with byte 0xc1")
)

// Token is the header of one value, together with the value itself when that
// is a number. The values inside an array or a map are tokens that follow.
type Token struct {
	Kind Kind
	// Type is the application's or the format's type of an Ext.
	Type int8
	// Head is the number of bytes before the payload, all the bytes of a
	// token that has none.
	Head uint8
	// Num is 0 or 1 of a Bool, the number of a Uint, the two's complement of
	// an Int, the IEEE 754 bits of a float, the payload bytes of a Str, Bin or
	// Ext, the elements of an Array and the pairs of a Map.
	Num uint64
}

// Parse reads the token at the start of src. The payload of a Str, Bin or Ext
// is inside src when err is nil; the contents of an Array or a Map need not be.
func Parse(src []byte) (t Token, err error) {
	if len(src) == 0 {
		return Token{}, ErrShort
	}
	f := &forms[src[0]]
	head := 1 + int(f.width)
	if f.kind == Ext {
		head++
	}
	if len(src) < head {
		return Token{}, ErrShort
	}
	t = Token{Kind: f.kind, Head: uint8(head)}
	switch f.width {
	case 0:
		t.Num = uint64(int64(f.num))
	case 1:
		t.Num = uint64(src[1])
	case 2:
		t.Num = uint64(binary.BigEndian.Uint16(src[1:]))
	case 4:
		t.Num = uint64(binary.BigEndian.Uint32(src[1:]))
	case 8:
		t.Num = binary.BigEndian.Uint64(src[1:])
	}
	switch f.kind {
	case Invalid:
		return Token{}, ErrCode
	case Int:
		if f.width != 0 {
			unused := 64 - 8*uint(f.width)
			t.Num = uint64(int64(t.Num<<unused) >> unused)
		}
	case Ext:
		t.Type = int8(src[head-1])
	}
	if t.hasPayload() && t.Num > uint64(len(src)-head) {
		return Token{}, ErrShort
	}
	return t, nil
}

// Size is the number of bytes the token takes, its payload included, the
// contents of an Array or a Map not.
func (t Token) Size() int {
	if t.hasPayload() {
		return int(t.Head) + int(t.Num)
	}
	return int(t.Head)
}

// Payload is the payload of a Str, Bin or Ext, as a part of src, the bytes the
// token was parsed from.
func (t Token) Payload(src []byte) []byte {
	return src[t.Head:t.Size():t.Size()]
}

// Container reports whether values belonging to the token follow it, or would
// if it were not empty.
func (t Token) Container() bool {
	return t.Kind == Array || t.Kind == Map
}

// Values is the number of values that follow a container and belong to it: two
// a pair in a Map.
func (t Token) Values() uint64 {
	switch t.Kind {
	case Array:
		return t.Num
	case Map:
		return 2 * t.Num
	}
	return 0
}

func (t Token) hasPayload() bool {
	return t.Kind == Str || t.Kind == Bin || t.Kind == Ext
}

// KindOf is the kind of a value that starts with c.
func KindOf(c byte) Kind { return forms[c].kind }
