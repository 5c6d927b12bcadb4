package jsonpack

import (
	"errors"
	"io"
	"math"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/wire"
)

// Reader reads JSON values and yields them as msgpack. It is not safe for
// concurrent use.
type Reader struct {
	in   input
	text []byte // of the string or number being read
	err  error
}

// NewReader returns a reader of the values in r, which may be separated by
// white space. It reads ahead of the values it yields, but does not wait for
// more than the next value.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: newInput(r)}
}

// Next appends the next value to dst as one msgpack value and returns the
// extended slice, of which it keeps nothing.
//
// The error is io.EOF at the end, a *SyntaxError for text that cannot be
// turned into msgpack, or the error of the underlying reader. It stays: once
// Next has failed, it fails the same way again. With an error, dst is returned
// as it was given.
func (r *Reader) Next(dst []byte) ([]byte, error) {
	if r.err != nil {
		return dst, r.err
	}
	c, err := r.in.space()
	if err == nil {
		var out []byte
		if out, err = r.value(dst, c, 0); err == nil {
			err = r.boundary(c)
		}
		if err == nil {
			return out, nil
		}
	}
	r.err = err
	return dst, err
}

// boundary checks that a number or a word, which started with c, has ended:
// 12x is not 12 and something else. Other values end themselves, and looking
// further would wait for a writer that waits for us.
func (r *Reader) boundary(c byte) error {
	if c == '{' || c == '[' || c == '"' {
		return nil
	}
	c, err := r.in.peek()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	switch c {
	case ' ', '\t', '\r', '\n', '{', '[', '"':
		return nil
	}
	return r.in.unexpected(c, "after a value")
}

// value appends the value that starts with c, the next byte of the input. It
// recurses at most codec.MaxDepth deep.
func (r *Reader) value(dst []byte, c byte, depth int) ([]byte, error) {
	switch c {
	case '{', '[':
		if depth == codec.MaxDepth {
			return dst, r.in.fault(errTooDeep)
		}
		if c == '{' {
			return r.object(dst, depth)
		}
		return r.array(dst, depth)
	case '"':
		return r.str(dst)
	case 't':
		return wire.AppendBool(dst, true), r.word("true")
	case 'f':
		return wire.AppendBool(dst, false), r.word("false")
	case 'n':
		return wire.AppendNil(dst), r.word("null")
	}
	if c == '-' || isDigit(c) {
		return r.number(dst)
	}
	return dst, r.in.unexpected(c, "where a value should start")
}

func (r *Reader) word(w string) error {
	for i := range len(w) {
		c, err := r.in.within()
		if err != nil {
			return err
		}
		if c != w[i] {
			return r.in.unexpected(c, "in "+w)
		}
		r.in.pos++
	}
	return nil
}

func (r *Reader) array(dst []byte, depth int) ([]byte, error) {
	r.in.pos++
	start := len(dst)
	c, err := r.in.spaceWithin()
	if err != nil {
		return dst, err
	}
	if c == ']' {
		r.in.pos++
		return wire.AppendArrayHeader(dst, 0), nil
	}
	for n := 1; ; n++ {
		if dst, err = r.value(dst, c, depth+1); err != nil {
			return dst, err
		}
		if c, err = r.in.spaceWithin(); err != nil {
			return dst, err
		}
		switch c {
		case ']':
			r.in.pos++
			return r.insertHeader(dst, start, n, wire.AppendArrayHeader)
		case ',':
			r.in.pos++
		default:
			return dst, r.in.unexpected(c, "in an array, where , or ] should be")
		}
		if c, err = r.in.spaceWithin(); err != nil {
			return dst, err
		}
	}
}

func (r *Reader) object(dst []byte, depth int) ([]byte, error) {
	r.in.pos++
	start := len(dst)
	c, err := r.in.spaceWithin()
	if err != nil {
		return dst, err
	}
	if c == '}' {
		r.in.pos++
		return wire.AppendMapHeader(dst, 0), nil
	}
	for n := 1; ; n++ {
		if dst, err = r.pair(dst, c, depth); err != nil {
			return dst, err
		}
		if c, err = r.in.spaceWithin(); err != nil {
			return dst, err
		}
		switch c {
		case '}':
			r.in.pos++
			return r.insertHeader(dst, start, n, wire.AppendMapHeader)
		case ',':
			r.in.pos++
		default:
			return dst, r.in.unexpected(c, "in an object, where , or } should be")
		}
		if c, err = r.in.spaceWithin(); err != nil {
			return dst, err
		}
	}
}

// pair appends the key that starts with c and its value.
func (r *Reader) pair(dst []byte, c byte, depth int) ([]byte, error) {
	if c != '"' {
		return dst, r.in.unexpected(c, "where a key should start")
	}
	dst, err := r.str(dst)
	if err != nil {
		return dst, err
	}
	if c, err = r.in.spaceWithin(); err != nil {
		return dst, err
	}
	if c != ':' {
		return dst, r.in.unexpected(c, "after a key, where : should be")
	}
	r.in.pos++
	if c, err = r.in.spaceWithin(); err != nil {
		return dst, err
	}
	return r.value(dst, c, depth+1)
}

// insertHeader puts the header of n elements before dst[start:], which holds
// them: the count is known last. A byte moves once for each container around
// it, of which there are codec.MaxDepth at most.
func (r *Reader) insertHeader(dst []byte, start, n int, header func([]byte, int) []byte) ([]byte, error) {
	if uint64(n) > math.MaxUint32 {
		return dst, r.in.fault(errTooLong)
	}
	var room [5]byte
	head := header(room[:0], n)
	end := len(dst)
	dst = append(dst, head...)
	copy(dst[start+len(head):], dst[start:end])
	copy(dst[start:], head)
	return dst, nil
}
