package jsonpack

import (
	"errors"
	"fmt"
	"io"
)

// input is a buffered stream of bytes that knows where it is.
type input struct {
	r    io.Reader
	buf  []byte
	pos  int   // buf[pos:] is not consumed
	base int64 // offset of buf[0] in the stream
	line int64
	err  error // of r, once it has failed
}

const bufferSize = 64 << 10

func newInput(r io.Reader) input {
	return input{r: r, buf: make([]byte, 0, bufferSize), line: 1}
}

// fill makes buf[pos:] non-empty, or returns the error of the reader. The bytes that a
// slow writer sends are handed on as they arrive.
func (in *input) fill() error {
	for idle := 0; in.pos == len(in.buf); idle++ {
		if in.err != nil {
			return in.err
		}
		if idle == 100 {
			return io.ErrNoProgress
		}
		in.base += int64(len(in.buf))
		var n int
		n, in.err = in.r.Read(in.buf[:cap(in.buf)])
		in.buf, in.pos = in.buf[:n], 0
	}
	return nil
}

// peek returns the next byte without consuming it.
func (in *input) peek() (byte, error) {
	if in.pos == len(in.buf) {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	return in.buf[in.pos], nil
}

// within is peek inside a value, where the end of the stream is a fault.
func (in *input) within() (byte, error) {
	c, err := in.peek()
	if err != nil {
		err = in.cut(err)
	}
	return c, err
}

// space consumes white space and returns the byte that follows, not consumed.
func (in *input) space() (byte, error) {
	for {
		c, err := in.peek()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			in.line++
		case ' ', '\t', '\r':
		default:
			return c, nil
		}
		in.pos++
	}
}

// spaceWithin is space inside a value.
func (in *input) spaceWithin() (byte, error) {
	c, err := in.space()
	if err != nil {
		err = in.cut(err)
	}
	return c, err
}

// cut makes the end of the stream a fault, and leaves other errors.
func (in *input) cut(err error) error {
	if errors.Is(err, io.EOF) {
		return in.fault(io.ErrUnexpectedEOF)
	}
	return err
}

// offset is the number of bytes consumed.
func (in *input) offset() int64 { return in.base + int64(in.pos) }

// fault is a SyntaxError at the next byte.
func (in *input) fault(err error) error {
	return &SyntaxError{Offset: in.offset(), Line: in.line, Err: err}
}

// unexpected is a fault that names the next byte.
func (in *input) unexpected(c byte, where string) error {
	return in.fault(fmt.Errorf("unexpected %q %s", rune(c), where))
}
