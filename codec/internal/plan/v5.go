package plan

import (
	"errors"
	"io"
	"math"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/internal/wire"
)

// v5Encoder encodes what a plan leaves to msgpack/v5.
type v5Encoder struct {
	enc *msgpack.Encoder
	out sink
}

// append appends v, which has an address.
func (e *v5Encoder) append(dst []byte, v reflect.Value) ([]byte, error) {
	if e.enc == nil {
		e.enc = msgpack.NewEncoder(nil)
	}
	e.out.buf = dst
	// An EncodeMsgpack method may have left options behind; Reset clears them.
	e.enc.Reset(&e.out)
	e.enc.UseCompactInts(true)
	err := e.enc.EncodeValue(v)
	dst, e.out.buf = e.out.buf, nil
	return dst, err
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

// keepDecoder is the longest value whose decoder is kept for the next one: a decoder
// keeps a buffer as large as the largest string it has met.
const keepDecoder = 1 << 20

// v5Decoder decodes what a plan leaves to msgpack/v5.
type v5Decoder struct {
	dec *msgpack.Decoder
	in  source
}

// decode decodes into v the one value that src holds, whose first ext starts at ext.
// The rest of src that the value's own method leaves is left out.
//
// Preconditions: src is well-formed. v has an address.
func (d *v5Decoder) decode(src []byte, ext int, v reflect.Value) error {
	err := errPanicked
	defer func() {
		d.in = source{}
		if err != nil || len(src) > keepDecoder {
			// A decoder that stopped half-way can go on recording its input.
			d.dec = nil
		}
	}()
	if d.dec == nil {
		d.dec = msgpack.NewDecoder(nil)
	}
	d.in = newSource(src, ext)
	d.dec.Reset(&d.in)
	err = d.dec.DecodeValue(v)
	return err
}

var errPanicked = errors.New("panicked")

// errOpaque stops a decoder that would take the payload of an ext for values.
var errOpaque = errors.New("ext value where another was expected")

// source feeds one well-formed value to the decoder.
//
// The payload of an ext is opaque, but not to msgpack/v5: where that wants a map and
// meets an ext, it skips the header of the ext and goes on inside the payload, where
// lengths are unbounded and nesting is unlimited. It reads first bytes of values with
// ReadByte and payloads with Read, so a ReadByte at the start of a payload is that
// mistake, and fails.
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
// gaps, so containers need no stack, and in all the value is walked once.
func (s *source) nextExt() {
	for s.end < len(s.src) {
		at := s.end
		t, err := wire.Parse(s.src[at:])
		if err != nil {
			break // not reached: the value is well-formed
		}
		s.end += t.Size()
		if t.Kind == wire.Ext {
			s.payload = at + int(t.Head)
			return
		}
	}
	s.payload = math.MaxInt
}
