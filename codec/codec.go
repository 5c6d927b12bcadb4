package codec

import "reflect"

// Codec turns values into record bytes and back.
//
// A producer and a consumer call their codec from one goroutine at a time, so
// a codec may keep buffers from call to call; it must not keep the slices and
// pointers it is given.
type Codec interface {
	// Append encodes v, a pointer to the value and never nil, and appends it
	// to dst. When it returns an error, the slice it returns is dst.
	Append(dst []byte, v any) ([]byte, error)
	// Decode decodes the one value that src holds into v, a pointer and never
	// nil. Neither the codec nor the value may refer to src afterwards: the
	// next record overwrites it.
	Decode(src []byte, v any) error
}

// TypeChecker is a Codec that knows which Go types it can encode and decode before
// there is a value. Opening a producer or a consumer of a type that it can't handle
// fails, and nothing is made or sent.
type TypeChecker interface {
	// CanAppend returns nil, or an ErrType that says which part of t has no encoding.
	CanAppend(t reflect.Type) error
	// CanDecode is CanAppend for decoding.
	CanDecode(t reflect.Type) error
}

// CheckAppend returns an ErrType if c knows that it has no encoding for values of type
// t. A codec that is no TypeChecker knows nothing.
func CheckAppend(c Codec, t reflect.Type) error {
	if k, ok := c.(TypeChecker); ok {
		return k.CanAppend(t)
	}
	return nil
}

// CheckDecode is CheckAppend for decoding.
func CheckDecode(c Codec, t reflect.Type) error {
	if k, ok := c.(TypeChecker); ok {
		return k.CanDecode(t)
	}
	return nil
}
