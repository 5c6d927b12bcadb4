package codec

import (
	"fmt"
	"reflect"
)

// Bytes returns a codec for records that are not msgpack: a value is a []byte,
// a string, or of a type made from one of them, like json.RawMessage, and its
// bytes are the record. Decode copies them, and an empty record makes an empty
// slice, not nil. Other types give ErrType.
//
// The codec has no state and is safe for concurrent use.
func Bytes() Codec {
	return bytesCodec{}
}

type bytesCodec struct{}

func (bytesCodec) Append(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case *[]byte:
		return append(dst, *v...), nil
	case *string:
		return append(dst, *v...), nil
	}
	p, err := bytesOrString(v)
	if err != nil {
		return dst, err
	}
	if p.Kind() == reflect.String {
		return append(dst, p.String()...), nil
	}
	return append(dst, p.Bytes()...), nil
}

func (bytesCodec) Decode(src []byte, v any) error {
	p, err := bytesOrString(v)
	if err != nil {
		return err
	}
	if p.Kind() == reflect.String {
		p.SetString(string(src))
	} else {
		p.SetBytes(append([]byte{}, src...))
	}
	return nil
}

// bytesOrString returns what v points to.
func bytesOrString(v any) (reflect.Value, error) {
	p := reflect.ValueOf(v)
	if p.Kind() == reflect.Pointer && !p.IsNil() && holdsBytes(p.Type().Elem()) {
		return p.Elem(), nil
	}
	return reflect.Value{}, fmt.Errorf("%w: %T holds no plain bytes", ErrType, v)
}

func holdsBytes(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func (bytesCodec) CanAppend(t reflect.Type) error {
	if !holdsBytes(t) {
		return fmt.Errorf("%w: %s holds no plain bytes", ErrType, t)
	}
	return nil
}

func (c bytesCodec) CanDecode(t reflect.Type) error { return c.CanAppend(t) }
