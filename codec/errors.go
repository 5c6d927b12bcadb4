package codec

import (
	"errors"
	"fmt"
	"io"
)

// What can be wrong with a record, for errors.Is.
var (
	// ErrMalformed means that bytes are not a msgpack value.
	ErrMalformed = errors.New("codec: malformed msgpack")
	// ErrTooDeep means that arrays and maps nest deeper than MaxDepth.
	ErrTooDeep = fmt.Errorf("codec: value nested deeper than %d", MaxDepth)
	// ErrTrailing means that bytes follow the one value of a record.
	ErrTrailing = errors.New("codec: bytes after the value")
	// ErrMismatch means that a record is well-formed but cannot be decoded
	// into the Go type at hand.
	ErrMismatch = errors.New("codec: record does not fit the type")
	// ErrType means that a codec has no encoding for a Go type.
	ErrType = errors.New("codec: unsupported type")
)

// errCut is both an ErrMalformed, for a whole record, and io.ErrUnexpectedEOF.
var errCut = fmt.Errorf("%w: %w", ErrMalformed, io.ErrUnexpectedEOF)
