package jsonpack

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq/codec"
)

var (
	errTooDeep  = fmt.Errorf("nested deeper than %d", codec.MaxDepth)
	errOverflow = errors.New("number too large for a float64")
	errHalfPair = errors.New("half of a surrogate pair in a string, which is no character")
	errNotUTF8  = errors.New("the string that ends here is not UTF-8")
	errTooLong  = errors.New("more than 4294967295 bytes or elements in one value")
)

// SyntaxError is the error of text that is not JSON, or is JSON that no record
// can hold. It wraps io.ErrUnexpectedEOF when the text ends inside a value.
type SyntaxError struct {
	Offset int64 // bytes before the byte or the number at fault
	Line   int64 // lines are counted from 1
	Err    error // what is wrong
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("json line %d (byte offset %d): %v", e.Line, e.Offset, e.Err)
}

func (e *SyntaxError) Unwrap() error { return e.Err }
