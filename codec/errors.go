package codec

import (
	"errors"
	"fmt"
	"io"

	"github.com/shmq/shmq/codec/internal/plan"
)

// What can be wrong with a record or a type, for errors.Is.
var (
	// ErrMalformed means that bytes are not a msgpack value.
	ErrMalformed = errors.New("codec: malformed msgpack")
	// ErrTooDeep means that arrays and maps nest deeper than MaxDepth.
	ErrTooDeep = plan.ErrTooDeep
	// ErrTrailing means that bytes follow the one value of a record.
	ErrTrailing = plan.ErrTrailing
	// ErrMismatch means that a record is well-formed but cannot be decoded
	// into the Go type at hand.
	ErrMismatch = plan.ErrMismatch
	// ErrType means that a codec has no encoding for a Go type.
	ErrType = plan.ErrType
)

// errCut is both an ErrMalformed, for a whole record, and io.ErrUnexpectedEOF.
var errCut = fmt.Errorf("%w: %w", ErrMalformed, io.ErrUnexpectedEOF)
