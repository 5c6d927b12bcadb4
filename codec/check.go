package codec

import (
	"io"

	"github.com/shmq/shmq/internal/wire"
)

// MaxDepth is how deep arrays and maps may nest in a record: [[1]] has depth 2.
// Decoding recurses, so the depth bounds the stack that a record can ask for.
const MaxDepth = 512

// Check reports whether src is exactly one well-formed msgpack value: every
// length in it is covered by the bytes that follow, and it nests no deeper
// than MaxDepth. Strings need not be UTF-8 and map keys need not be distinct.
//
// It returns nil, or an error that is ErrMalformed, ErrTooDeep or ErrTrailing;
// the error of a value that is cut short is io.ErrUnexpectedEOF as well. It
// allocates nothing, keeps nothing and may be called from many goroutines.
func Check(src []byte) error {
	_, err := check(src)
	return err
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
	w := walk{src: src, ext: len(src)}
	if err := w.values(1, 0); err != nil {
		return 0, err
	}
	return w.off, nil
}

// check is Check, and returns where in src the first ext value starts, len(src)
// when there is none.
func check(src []byte) (ext int, err error) {
	w := walk{src: src, ext: len(src)}
	switch err := w.values(1, 0); {
	case err == io.ErrUnexpectedEOF:
		return 0, errCut
	case err != nil:
		return 0, err
	case w.off != len(src):
		return 0, ErrTrailing
	}
	return w.ext, nil
}

// walk steps over values. It recurses at most MaxDepth deep.
type walk struct {
	src []byte
	off int
	ext int // where the first ext starts
}

// values steps over n values that depth containers enclose. It trusts no count:
// each value takes a byte at least, so a large n runs into the end of src.
func (w *walk) values(n uint64, depth int) error {
	for ; n > 0; n-- {
		t, err := wire.Parse(w.src[w.off:])
		if err != nil {
			if err == wire.ErrShort {
				return io.ErrUnexpectedEOF
			}
			return ErrMalformed
		}
		if t.Kind == wire.Ext {
			w.ext = min(w.ext, w.off)
		}
		w.off += t.Size()
		if !t.Container() {
			continue
		}
		if depth == MaxDepth {
			return ErrTooDeep
		}
		if err := w.values(t.Values(), depth+1); err != nil {
			return err
		}
	}
	return nil
}
