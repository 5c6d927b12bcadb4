package codec

import (
	"errors"
	"io"
	"math"

	"github.com/shmq/shmq/internal/wire"
)

// errOpaque stops a decoder that would take the payload of an ext for values.
var errOpaque = errors.New("ext value where another was expected")

// source feeds one checked record to the decoder.
//
// The check treats the payload of an ext as opaque, but the msgpack library
// does not: where it wants a map and meets an ext, it skips the header of the
// ext and goes on inside the payload, where lengths are unbounded and nesting
// is unlimited. It reads first bytes of values with ReadByte and payloads with
// Read, so a ReadByte at the start of a payload is that mistake, and fails.
type source struct {
	src []byte
	off int
	// src[payload:end] is the payload of the first ext that off has not passed.
	payload, end int
	byteAt       int // where ReadByte read last
}

// newSource returns a source of src, whose first ext starts at ext.
func newSource(src []byte, ext int) source {
	s := source{src: src, end: ext, byteAt: -1}
	s.nextExt()
	return s
}

func (s *source) ReadByte() (byte, error) {
	for s.off >= s.payload {
		// An empty payload starts where the next value does. A decoder that
		// comes from the ext's header, read bytewise, means the payload.
		if s.off < s.end || s.off == s.payload && s.byteAt == s.off-1 {
			return 0, errOpaque
		}
		s.nextExt()
	}
	if s.off == len(s.src) {
		// Not io.EOF: to a consumer that is the end of its queue.
		return 0, io.ErrUnexpectedEOF
	}
	c := s.src[s.off]
	s.byteAt = s.off
	s.off++
	return c, nil
}

func (s *source) UnreadByte() error {
	s.off--
	return nil
}

func (s *source) Read(p []byte) (int, error) {
	if s.off == len(s.src) && len(p) > 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, s.src[s.off:])
	s.off += n
	return n, nil
}

// nextExt finds the first ext at or after end. Tokens follow each other without
// gaps, so containers need no stack, and in all the record is walked once.
func (s *source) nextExt() {
	for s.end < len(s.src) {
		at := s.end
		t, err := wire.Parse(s.src[at:])
		if err != nil {
			break // not reached: the record is checked
		}
		s.end += t.Size()
		if t.Kind == wire.Ext {
			s.payload = at + int(t.Head)
			return
		}
	}
	s.payload = math.MaxInt
}

// sink collects what the encoder writes.
type sink struct {
	buf []byte
}

func (s *sink) Write(p []byte) (int, error) {
	s.buf = append(s.buf, p...)
	return len(p), nil
}

func (s *sink) WriteByte(c byte) error {
	s.buf = append(s.buf, c)
	return nil
}
