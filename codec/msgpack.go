package codec

import (
	"fmt"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// keepDecoder is the longest record whose decoder is kept for the next one: a
// decoder keeps a buffer as large as the largest string it has met.
const keepDecoder = 1 << 20

// Msgpack returns a codec whose records are msgpack values. It keeps an encoder
// and a decoder and is not safe for concurrent use: each producer and each
// consumer needs one of its own.
//
// # Encoding
//
// Values are written as github.com/vmihailenco/msgpack/v5 writes them. A struct
// becomes a map from field names to values; the tag `msgpack:"name,omitempty"`
// renames a field and leaves it out when it is empty, `msgpack:"-"` always
// leaves it out. Tags for other formats, json among them, are not looked at.
// Integers take the fewest bytes, a []byte becomes bin, a nil slice, map or
// pointer becomes nil, and a time.Time becomes a timestamp: an instant to the
// nanosecond, without its zone. The methods EncodeMsgpack, MarshalMsgpack,
// MarshalBinary and MarshalText of a type are used, in that order.
//
// A value with a method MarshalMsg([]byte) ([]byte, error), as
// github.com/tinylib/msgp generates it, is encoded by that method alone, and
// decoded by UnmarshalMsg([]byte) ([]byte, error). That needs no reflection and
// is the fastest way. UnmarshalMsg must not keep the bytes it is given.
//
// Encoding a struct of numbers, strings and byte slices allocates nothing when
// dst has room; omitempty costs an allocation.
//
// # Decoding
//
// Decode sets *v to what the record says and to nothing else: what *v held
// before is gone, fields that the record lacks are zero, and keys that the
// struct lacks are skipped. After an error *v is zero. Errors are those of
// [Check], and ErrMismatch for a well-formed record that does not suit *v.
//
// An integer that is too large for its field loses its high bits; a float does
// not decode into an integer, nor a float64 into a float32. Into an any, a
// record decodes as nil, bool, the sized integer or float type it was written
// in, string, []byte, time.Time, []any or map[string]any; maps with other keys
// need a Go type that says so, for example map[any]any. A nil does not decode
// into a time.Time; use *time.Time where one is expected.
//
// The payload of an extension type is opaque: decoders registered with
// msgpack.RegisterExt work, if the payload is not empty, and those that take
// the payload apart value by value do not. Hence the intern option of a struct
// tag does not work either.
//
// # What a hostile record can do
//
// Records are checked before they are decoded, and a panic while decoding, in
// the msgpack library or in a method of the type, is an error. Memory is
// bounded by the type: an element that costs the record one byte costs its
// full size here. Into an any, that is up to some 170 bytes for each byte of
// the record; into a []T it can be twice the size of T. Large elements are
// better pointers, strings or byte slices, which take what they hold. A type
// with its own DecodeMsgpack, UnmarshalMsgpack or the like answers for itself.
//
// One leak is not a record's but a type's: msgpack/v5 starts a goroutine, once
// and for good, for each type that a struct embeds by pointer. Embed by value.
func Msgpack() Codec {
	return &msgpackCodec{enc: msgpack.NewEncoder(nil), dec: msgpack.NewDecoder(nil)}
}

type msgpackCodec struct {
	enc *msgpack.Encoder
	out sink
	dec *msgpack.Decoder
	in  source
}

func (c *msgpackCodec) Append(dst []byte, v any) ([]byte, error) {
	var out []byte
	var err error
	if m, ok := generatedMarshaler(v); ok {
		out, err = m.MarshalMsg(dst)
	} else {
		out, err = c.encode(dst, v)
	}
	if err != nil {
		return dst, fmt.Errorf("codec: encode %T: %w", v, err)
	}
	return out, nil
}

func (c *msgpackCodec) encode(dst []byte, v any) ([]byte, error) {
	c.out.buf = dst
	// An EncodeMsgpack method may have left options behind; Reset clears them.
	c.enc.Reset(&c.out)
	c.enc.UseCompactInts(true)
	err := c.enc.Encode(v)
	dst, c.out.buf = c.out.buf, nil
	return dst, err
}

func (c *msgpackCodec) Decode(src []byte, v any) error {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("%w: decode into %T, want a pointer that is not nil", ErrType, v)
	}
	p.Elem().SetZero()
	ext, err := check(src)
	if err != nil {
		return err
	}
	if err := c.decode(src, ext, v); err != nil {
		p.Elem().SetZero()
		return fmt.Errorf("%w %s: %w", ErrMismatch, p.Type().Elem(), err)
	}
	return nil
}

// decode decodes a checked record. Some panics are the msgpack library's on
// well-formed input: nil for a time.Time in a struct, a key that cannot be
// hashed for a map[any]T, a value that is no E for an interface type E.
func (c *msgpackCodec) decode(src []byte, ext int, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panicked: %v", p)
		}
		c.in = source{}
		if err != nil || len(src) > keepDecoder {
			// A decoder that stopped half-way can go on recording its input.
			c.dec = msgpack.NewDecoder(nil)
		}
	}()
	if u, ok := generatedUnmarshaler(src, v); ok {
		rest, err := u.UnmarshalMsg(src)
		if err == nil && len(rest) != 0 {
			err = ErrTrailing
		}
		return err
	}
	c.in = newSource(src, ext)
	c.dec.Reset(&c.in)
	return c.dec.Decode(v)
}
