package codec

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/shmq/shmq/codec/internal/plan"
)

// Msgpack returns a codec whose records are msgpack values. It keeps buffers and is
// not safe for concurrent use: each producer and each consumer needs one of its own.
//
// # Encoding
//
// Values are written as github.com/vmihailenco/msgpack/v5 writes them, save what
// docs/codec.md lists. A struct becomes a map from field names to values; the tag
// `msgpack:"name,omitempty"` renames a field and leaves it out when it is empty,
// `msgpack:"-"` always leaves it out. Tags for other formats, json among them, are
// not looked at. Integers take the fewest bytes, a []byte becomes bin, a nil slice,
// map or pointer becomes nil, and a time.Time becomes a timestamp: an instant to the
// nanosecond, without its zone.
//
// The methods of a type are used, wherever it stands: MarshalMsg, as
// github.com/tinylib/msgp generates it; EncodeMsgpack and MarshalMsgpack, of
// msgpack/v5; MarshalText, whose text becomes str; MarshalBinary. The output that an
// EncodeMsgpack method gives to the encoder that it gets is written by msgpack/v5
// alone.
//
// A type has no encoding if it is or contains a channel, a function, a complex
// number, an uintptr or an unsafe.Pointer; a struct that embeds itself; and a struct
// that has such a method only because it embeds a type with one, and has other
// fields, which the method would leave out. Opening a producer or a consumer of such
// a type is an ErrType that names the field. The value in an interface is looked at when
// it is sent.
//
// A plan is worked out once for each type; then encoding allocates nothing for
// structs, slices, arrays, strings, numbers and times when dst has room.
//
// # Decoding
//
// Decode sets *v to what the record says and to nothing else: what *v held before is
// gone, fields that the record lacks are zero, and keys that the struct lacks are
// skipped. After an error *v is zero. Errors are those of [Check], and ErrMismatch
// for a well-formed record that does not suit *v, with the path to the part that
// does not: "Order.Lines[3].Count: 300 does not fit int8". Strings and byte slices
// are copies that belong to the value.
//
// A number goes where it fits. An integer field takes floats that are whole; a float
// field takes any number, rounded to the nearest float it has. Numbers that are out
// of range are an ErrMismatch. [MsgpackOptions] has a strict mode.
//
// Nil is the zero value of every type but time.Time; use *time.Time where one is
// expected. It is not a key, unless keys are interfaces or pointers. A Go array
// takes as many elements as it has. A time.Time takes timestamps, text as in RFC
// 3339, ext 5 as msgp writes it, ext 13, and an array of seconds and nanoseconds. A
// type with UnmarshalText takes text and bytes.
//
// Into an any, a record decodes as nil, bool, the sized integer or float type it was
// written in, string, []byte, time.Time, []any or map[string]any; maps with other
// keys need a Go type that says so, for example map[any]any. The payload of an
// extension type is opaque: decoders registered with msgpack.RegisterExt work, if
// the payload is not empty, and those that take the payload apart value by value do
// not.
//
// UnmarshalMsg gets the bytes of its value alone and must not keep them. The same
// goes for UnmarshalText and UnmarshalBinary.
//
// # What a hostile record can do
//
// Each length is checked against the bytes that are left before anything is made for
// it, nesting is bounded by MaxDepth, and a panic while decoding, in the msgpack
// library or in a method of the type, is an error. Memory is bounded by the type: an
// element that costs the record one byte costs its full size here. Into an any, that
// is up to some 170 bytes for each byte of the record; into a []T it is the size of
// T. Large elements are better pointers, strings or byte slices, which take what
// they hold. A type with its own DecodeMsgpack, UnmarshalMsgpack or the like answers
// for itself.
func Msgpack() Codec { return MsgpackWith(MsgpackOptions{}) }

// MsgpackOptions are what can be chosen about msgpack records. The zero value has the
// defaults.
type MsgpackOptions struct {
	// Strict refuses to turn one kind of number into another when decoding: an integer
	// field takes integers only; a float field takes floats only, and a float32 only
	// those that it holds exactly. Default: see Msgpack.
	Strict bool
}

// MsgpackWith is Msgpack with options.
func MsgpackWith(opts MsgpackOptions) Codec {
	return &msgpackCodec{dec: plan.Decoder{Strict: opts.Strict}}
}

type msgpackCodec struct {
	enc plan.Encoder
	dec plan.Decoder
}

func (c *msgpackCodec) Append(dst []byte, v any) ([]byte, error) {
	p, err := target(v, "encode")
	if err != nil {
		return dst, err
	}
	out, err := c.enc.Append(dst, p)
	if err != nil {
		return dst, fmt.Errorf("codec: encode %w", err)
	}
	return out, nil
}

func (c *msgpackCodec) Decode(src []byte, v any) error {
	p, err := target(v, "decode into")
	if err != nil {
		return err
	}
	p.Elem().SetZero()
	if err = c.dec.Decode(src, p); err == nil {
		return nil
	}
	p.Elem().SetZero()
	// Decoding stops at the first thing that it can't use. Whether the record is
	// well-formed at all is worth more to know.
	if malformed := Check(src); malformed != nil {
		return malformed
	}
	if errors.Is(err, ErrType) {
		return fmt.Errorf("codec: decode into %w", err)
	}
	return fmt.Errorf("%w: %w", ErrMismatch, err)
}

// target returns v, which has to be a pointer to a value.
func target(v any, what string) (reflect.Value, error) {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return p, fmt.Errorf("%w: %s %T, want a pointer that is not nil", ErrType, what, v)
	}
	return p, nil
}

func (*msgpackCodec) CanAppend(t reflect.Type) error { return plan.CanEncode(t) }

func (*msgpackCodec) CanDecode(t reflect.Type) error { return plan.CanDecode(t) }
