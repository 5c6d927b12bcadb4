package plan

import (
	"encoding"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// The methods that the code generator of github.com/tinylib/msgp gives a type.
type (
	marshaler interface {
		MarshalMsg([]byte) ([]byte, error)
	}
	unmarshaler interface {
		UnmarshalMsg([]byte) ([]byte, error)
	}
)

// method is what encodes or decodes a type, if its plan does not.
type method uint8

const (
	noMethod method = iota
	byGenerated
	byCustom // takes the Encoder or Decoder of msgpack/v5
	byWhole  // makes or takes the bytes of one value
	byText
	byBinary
)

// side is the methods of one direction, with the interfaces that have them.
type side [byBinary + 1]reflect.Type

var (
	encodingSide = side{
		byGenerated: reflect.TypeFor[marshaler](),
		byCustom:    reflect.TypeFor[msgpack.CustomEncoder](),
		byWhole:     reflect.TypeFor[msgpack.Marshaler](),
		byText:      reflect.TypeFor[encoding.TextMarshaler](),
		byBinary:    reflect.TypeFor[encoding.BinaryMarshaler](),
	}
	decodingSide = side{
		byGenerated: reflect.TypeFor[unmarshaler](),
		byCustom:    reflect.TypeFor[msgpack.CustomDecoder](),
		byWhole:     reflect.TypeFor[msgpack.Unmarshaler](),
		byText:      reflect.TypeFor[encoding.TextUnmarshaler](),
		byBinary:    reflect.TypeFor[encoding.BinaryUnmarshaler](),
	}
)

// has reports whether values of type t that have an address have the method m.
func (s *side) has(t reflect.Type, m method) bool {
	return reflect.PointerTo(t).Implements(s[m])
}

// of returns the method that stands for t. Generated methods come first, then those
// that t has without an address; among these the order is that of the constants.
// A type with a text form is written as text, also if it has a binary form, provided
// that it can read text again.
func (s *side) of(t reflect.Type) method {
	if k := t.Kind(); k == reflect.Pointer || k == reflect.Interface || t == timeType {
		return noMethod
	}
	if s.has(t, byGenerated) {
		return byGenerated
	}
	for _, u := range []reflect.Type{t, reflect.PointerTo(t)} {
		for m := byCustom; m <= byBinary; m++ {
			if !u.Implements(s[m]) {
				continue
			}
			if m == byText && s.has(t, byBinary) && !decodingSide.has(t, byText) {
				return byBinary
			}
			if m == byBinary && s.has(t, byText) && decodingSide.has(t, byText) {
				return byText
			}
			return m
		}
	}
	return noMethod
}

// plain reports whether t, a struct, has no methods that encode or decode it.
func plain(t reflect.Type) bool {
	return t != timeType && encodingSide.of(t) == noMethod && decodingSide.of(t) == noMethod
}
