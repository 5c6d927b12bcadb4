package plan

import (
	"errors"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/internal/wire"
)

// registered reports whether t was given to msgpack.Register or a function like it,
// so that only msgpack/v5 knows how t is encoded. There is no asking, but a look at
// what kind of value v5 begins when it encodes a zero t; m is the method that t has.
// A function that writes the kind which t has anyway stays unnoticed.
//
// Preconditions: no struct that t consists of embeds itself; v5 does not bear that.
func registered(t reflect.Type, m method) bool {
	if t.Name() == "" || t.PkgPath() == "" || t.Kind() == reflect.Pointer {
		return false
	}
	kind := firstKind(t)
	if kind == wire.Invalid || kind == wire.Nil {
		return false
	}
	if m == byText || m == byBinary {
		return kind != wire.Bin
	}
	switch t.Kind() {
	case reflect.Bool:
		return kind != wire.Bool
	case reflect.Float32:
		return kind != wire.Float32
	case reflect.Float64:
		return kind != wire.Float64
	case reflect.String:
		return kind != wire.Str
	case reflect.Struct:
		return kind != wire.Map && kind != wire.Array
	case reflect.Array:
		return kind != wire.Array && kind != wire.Bin
	case reflect.Slice, reflect.Map:
		return true // a nil one is nil
	}
	return kind != wire.Uint
}

var errSeen = errors.New("seen")

// firstKind is the kind of value that v5 makes of a zero t, Invalid if it makes none.
func firstKind(t reflect.Type) (kind wire.Kind) {
	var w firstByte
	defer func() {
		_ = recover() // a method of the type may not bear a zero value
		if w.seen {
			kind = wire.KindOf(w.first)
		}
	}()
	enc := msgpack.NewEncoder(&w)
	enc.UseCompactInts(true)
	_ = enc.EncodeValue(reflect.New(t).Elem())
	return wire.Invalid
}

// firstByte takes a byte and stops the encoder.
type firstByte struct {
	first byte
	seen  bool
}

func (w *firstByte) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return 0, w.WriteByte(p[0])
}

func (w *firstByte) WriteByte(c byte) error {
	if !w.seen {
		w.first, w.seen = c, true
	}
	return errSeen
}
