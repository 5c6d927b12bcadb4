package codec

import (
	"reflect"

	"github.com/shmq/shmq/internal/wire"
)

// The methods that the code generator of github.com/tinylib/msgp gives a type.
type (
	marshaler interface {
		MarshalMsg([]byte) ([]byte, error)
	}
	unmarshaler interface {
		UnmarshalMsg([]byte) ([]byte, error)
	}
)

var (
	marshalerType   = reflect.TypeFor[marshaler]()
	unmarshalerType = reflect.TypeFor[unmarshaler]()
)

// null is a nil pointer to a type that has the methods.
type null struct{}

func (null) MarshalMsg(dst []byte) ([]byte, error) { return wire.AppendNil(dst), nil }

// generatedMarshaler finds the method on v, a pointer, or on the pointer that v
// points to: an encoding must not change because values are handled by pointer.
func generatedMarshaler(v any) (marshaler, bool) {
	if m, ok := v.(marshaler); ok {
		return m, true
	}
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return nil, false
	}
	p = p.Elem()
	if p.Kind() != reflect.Pointer || !p.Type().Implements(marshalerType) {
		return nil, false
	}
	if p.IsNil() {
		return null{}, true
	}
	return p.Interface().(marshaler), true
}

// generatedUnmarshaler finds the method like generatedMarshaler. It makes the
// value that v points to when that is a pointer and src is not nil.
func generatedUnmarshaler(src []byte, v any) (unmarshaler, bool) {
	if u, ok := v.(unmarshaler); ok {
		return u, true
	}
	p := reflect.ValueOf(v).Elem()
	if p.Kind() != reflect.Pointer || !p.Type().Implements(unmarshalerType) {
		return nil, false
	}
	if t, err := wire.Parse(src); err == nil && t.Kind == wire.Nil {
		return nil, false
	}
	p.Set(reflect.New(p.Type().Elem()))
	return p.Interface().(unmarshaler), true
}
