package codec

import (
	"io"

	"github.com/shmq/shmq/internal/wire"
)

// MaxDepth is how deep arrays and maps may nest in a record: [[1]] has depth 2.
// Decoding recurses, so the depth bounds the stack that a record can ask for.
const MaxDepth = wire.MaxDepth

// Check reports whether src is exactly one well-formed msgpack value: every
// length in it is covered by the bytes that follow, and it nests no deeper
// than MaxDepth. Strings need not be UTF-8 and map keys need not be distinct.
//
// It returns nil, or an error that is ErrMalformed, ErrTooDeep or ErrTrailing;
// the error of a value that is cut short is io.ErrUnexpectedEOF as well. It
// allocates nothing, keeps nothing and may be called from many goroutines.
func Check(src []byte) error {
	switch n, err := Next(src); {
	case err == io.ErrUnexpectedEOF:
		return errCut
	case err != nil:
		return err
	case n != len(src):
		return ErrTrailing
	}
	return nil
}

// Next returns the length of the first msgpack value in src, whatever follows
// it, so that a stream can be cut into records.
//
// The error is io.ErrUnexpectedEOF when src ends before the value does (an
// empty src too): more bytes may complete it. A header can promise up to four
// gigabytes, so a reader of a stream should set a limit of its own to what it
// waits for. Other errors are ErrMalformed and ErrTooDeep. Like Check, it
// allocates nothing and may be called from many goroutines.
func Next(src []byte) (n int, err error) {
	switch n, _, err = wire.Walk(src, 0); err {
	case nil:
		return n, nil
	case wire.ErrShort:
		return 0, io.ErrUnexpectedEOF
	case wire.ErrDepth:
		return 0, ErrTooDeep
	}
	return 0, ErrMalformed
}
