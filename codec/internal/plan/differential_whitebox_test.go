package plan

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shmq/shmq/internal/wire"
)

// encodesLikeV5 fails t unless a value of typ that c chooses has the bytes of msgpack/v5, and
// comes back from them.
func encodesLikeV5(t testing.TB, typ reflect.Type, c *choices) {
	v := reflect.New(typ)
	c.fill(v.Elem(), 6)
	var e Encoder
	got, err := e.Append(nil, v)
	want, wantErr := v5Append(v)
	if wantErr != nil && strings.Contains(wantErr.Error(), "non-addressable") {
		return // v5 finds no methods of pointers on what a map or an interface holds
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%s, %+v: got error %v, v5 has %v", typ, v.Elem(), err, wantErr)
	}
	if err != nil {
		return
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s, %+v:\ngot  % x\nv5's % x", typ, v.Elem(), got, want)
	}
	back := reflect.New(typ)
	var d Decoder
	if err := d.Decode(got, back); err != nil {
		if decodable(typ) {
			t.Fatalf("%s, %+v, % x does not come back: %v", typ, v.Elem(), got, err)
		}
		return
	}
	if again, err := e.Append(nil, back); decodable(typ) && (err != nil || !bytes.Equal(again, got)) {
		t.Fatalf("%s, %+v, % x comes back as %+v, % x (%v)", typ, v.Elem(), got, back.Elem(), again, err)
	}
}

// v5Append is Append by msgpack/v5 alone.
func v5Append(v reflect.Value) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var e v5Encoder
	return e.append(nil, v.Elem())
}

// decodable reports whether each value of a type comes back as what it was: not so
// where an interface holds anything, where a nil pointer to an embedded struct becomes
// one that is not, and where a field has been shadowed.
func decodable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return t == errorType
	case reflect.Pointer:
		if k := t.Elem().Kind(); k == reflect.Pointer || k == reflect.Slice || k == reflect.Map {
			return false // a pointer to nil is nil
		}
		return decodable(t.Elem())
	case reflect.Slice, reflect.Array:
		return decodable(t.Elem())
	case reflect.Map:
		return decodable(t.Key()) && decodable(t.Elem())
	case reflect.Struct:
		switch t {
		case reflect.TypeFor[tree](), timeType:
			return true
		case reflect.TypeFor[embedsPointer](), reflect.TypeFor[embedsPointerPlainly](), reflect.TypeFor[shadowedInner](),
			reflect.TypeFor[embedsExported](), reflect.TypeFor[embedsTwice](), reflect.TypeFor[EmbedsOnce](),
			reflect.TypeFor[embedsByValue]():
			return false
		}
		for i := range t.NumField() {
			if !decodable(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

// decodesLikeV5 fails t unless src decodes into typ as by msgpack/v5, or a Difference
// says why not.
func decodesLikeV5(t testing.TB, typ reflect.Type, src []byte) {
	got, want := reflect.New(typ), reflect.New(typ)
	var d Decoder
	err := d.Decode(src, got)
	n, ext, malformed := wire.Walk(src, 0)
	if malformed != nil || n != len(src) {
		if err == nil {
			t.Fatalf("%s: % x is decoded in spite of %v, %d bytes of %d", typ, src, malformed, n, len(src))
		}
		return
	}
	wantErr := v5Decode(src, ext, want)
	if (err == nil) == (wantErr == nil) && (err != nil || same(got.Elem(), want.Elem())) {
		return
	}
	if d.Differences == 0 {
		t.Fatalf("%s: % x\ngot  %+v, %v\nv5's %+v, %v", typ, src, got.Elem(), err, want.Elem(), wantErr)
	}
}

func v5Decode(src []byte, ext int, v reflect.Value) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var d v5Decoder
	return d.decode(src, ext, v.Elem())
}

// same is reflect.DeepEqual, but a NaN equals itself, and times are equal when they
// are the same instant in the same zone.
func same(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return false
	}
	if !a.IsValid() {
		return true
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float())
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		fallthrough
	case reflect.Array:
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		return sameMap(a, b)
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return same(a.Elem(), b.Elem())
	case reflect.Struct:
		if x, ok := a.Interface().(time.Time); ok {
			y := b.Interface().(time.Time)
			return x.Equal(y) && x.Location() == y.Location()
		}
		for i := range a.NumField() {
			if a.Type().Field(i).IsExported() && !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

func sameMap(a, b reflect.Value) bool {
	if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
		return false
	}
	for iter := a.MapRange(); iter.Next(); {
		other := b.MapIndex(iter.Key())
		if !other.IsValid() && iter.Key().Equal(iter.Key()) || other.IsValid() && !same(iter.Value(), other) {
			return false
		}
	}
	return true
}

// random returns so many bytes.
func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestValuesOfRandomTypesHaveTheBytesOfV5(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		c := &choices{random(r, 20+r.IntN(300))}
		encodesLikeV5(t, c.typ(3), c)
	}
	for _, typ := range named {
		for n := range 100 {
			encodesLikeV5(t, typ, &choices{random(r, n)})
			v := reflect.New(typ)
			(&choices{random(r, n)}).fill(v.Elem(), 6)
			if src, err := v5Append(v); err == nil {
				decodesLikeV5(t, typ, src)
			}
		}
	}
}

func TestRecordsDecodeIntoRandomTypesAsByV5(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		c := &choices{random(r, 20+r.IntN(300))}
		typ := c.typ(3)
		v := reflect.New(typ)
		c.fill(v.Elem(), 6)
		src, err := v5Append(v)
		if err != nil {
			continue
		}
		decodesLikeV5(t, typ, src)
		other := c.typ(3)
		decodesLikeV5(t, other, src)
		for range 5 {
			mutated := mutate(r, src)
			decodesLikeV5(t, typ, mutated)
			decodesLikeV5(t, other, mutated)
		}
	}
}

// mutate changes a few bytes of a record.
func mutate(r *rand.Rand, src []byte) []byte {
	b := bytes.Clone(src)
	for range 1 + r.IntN(3) {
		switch i := r.IntN(len(b) + 1); {
		case i == len(b):
			b = append(b, byte(r.Uint32()))
		case r.IntN(3) == 0:
			b = append(b[:i:i], b[i+1:]...)
		case r.IntN(3) == 0:
			b[i] = []byte{0xc0, 0x80, 0x90, 0xa0, 0xcb, 0xd6, 0xc7, 0xcf, 0xff, 0xc4}[r.IntN(10)]
		default:
			b[i] = byte(r.Uint32())
		}
		if len(b) == 0 {
			return src
		}
	}
	return b
}

// fuzzTypes are what fuzzing chooses from: types that reflection makes stay for good, so
// that each input can't have its own.
var fuzzTypes = sync.OnceValue(func() []reflect.Type {
	r := rand.New(rand.NewPCG(5, 6))
	types := append(slices.Clone(named), scalars...)
	for len(types) < 1024 {
		types = append(types, (&choices{random(r, 200)}).typ(3))
	}
	return types
})

func fuzzType(i uint16) reflect.Type { return fuzzTypes()[int(i)%len(fuzzTypes())] }

func FuzzEncodingIsThatOfV5(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range uint16(200) {
		f.Add(5*i, random(r, 10+int(i)))
	}
	f.Fuzz(func(t *testing.T, i uint16, src []byte) { encodesLikeV5(t, fuzzType(i), &choices{src}) })
}

func FuzzDecodingIsThatOfV5(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 10))
	for i := range uint16(200) {
		v := reflect.New(fuzzType(5 * i))
		(&choices{random(r, 10+int(i))}).fill(v.Elem(), 6)
		if src, err := v5Append(v); err == nil {
			f.Add(5*i, src)
		}
	}
	f.Fuzz(func(t *testing.T, i uint16, src []byte) { decodesLikeV5(t, fuzzType(i), src) })
}
