package codec

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
