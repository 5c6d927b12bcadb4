package wire

import "errors"

// MaxDepth is how deep arrays and maps may nest: [[1]] has depth 2.
const MaxDepth = 512

// ErrDepth means that arrays and maps nest deeper than MaxDepth.
var ErrDepth = errors.New("wire: value nested too deep")

// Walk steps over the first value in src, which depth containers enclose, and
// returns its length and where in src the first ext value starts, len(src) if
// the value has none. It recurses at most MaxDepth deep and allocates nothing.
// Errors: ErrShort, ErrCode, ErrDepth.
func Walk(src []byte, depth int) (n, ext int, err error) {
	w := walk{src: src, ext: len(src)}
	if err := w.values(1, depth); err != nil {
		return 0, 0, err
	}
	return w.off, w.ext, nil
}

// walk steps over values.
type walk struct {
	src []byte
	off int
	ext int // where the first ext starts
}

// values steps over n values that depth containers enclose. It trusts no count:
// each value takes a byte at least, so a large n runs into the end of src.
func (w *walk) values(n uint64, depth int) error {
	for ; n > 0; n-- {
		if w.off < len(w.src) {
			if size := int(sizes[w.src[w.off]]); size != 0 {
				if size > len(w.src)-w.off {
					return ErrShort
				}
				w.off += size
				continue
			}
		}
		t, err := Parse(w.src[w.off:])
		if err != nil {
			return err
		}
		if t.Kind == Ext {
			w.ext = min(w.ext, w.off)
		}
		w.off += t.Size()
		if !t.Container() {
			continue
		}
		if depth == MaxDepth {
			return ErrDepth
		}
		if err := w.values(t.Values(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// sizes has the size of each value whose first byte tells it and that holds no
// others, 0 for the rest.
var sizes = makeSizes()

func makeSizes() (s [256]uint8) {
	for c, f := range forms {
		switch f.kind {
		case Nil, Bool, Uint, Int, Float32, Float64:
			s[c] = 1 + f.width
		case Str:
			if f.width == 0 {
				s[c] = 1 + uint8(f.num)
			}
		}
	}
	return s
}
