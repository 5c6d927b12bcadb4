package plan

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/internal/wire"
)

// Types with methods.
type (
	level   uint8
	dual    struct{ S string }
	gen     struct{ n byte }
	pointed struct{ n byte }
	hidden  struct{ s string }
)

func (l level) MarshalText() ([]byte, error)  { return []byte{'l', byte(l)}, nil }
func (l *level) UnmarshalText(b []byte) error { *l = level(b[len(b)-1]); return nil }

func (h hidden) MarshalText() ([]byte, error) { return []byte(h.s), nil }

func (d dual) MarshalText() ([]byte, error)        { return []byte(d.S), nil }
func (d *dual) UnmarshalText(b []byte) error       { d.S = string(b); return nil }
func (d dual) MarshalBinary() ([]byte, error)      { return []byte("b" + d.S), nil }
func (d *dual) UnmarshalBinary(b []byte) error     { d.S = "by binary " + string(b); return nil }
func (g *gen) MarshalMsg(b []byte) ([]byte, error) { return append(b, 0x92, g.n, 0xc0), nil }
func (g *gen) UnmarshalMsg(b []byte) ([]byte, error) {
	if len(b) != 3 {
		return b, errors.New("refused")
	}
	g.n = b[1]
	return nil, nil
}
func (p *pointed) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeInt(int64(p.n)) }

func double(f float64) string { return string(wire.AppendFloat64(nil, f)) }

// decodings has a record for each Difference, which msgpack/v5 decodes otherwise.
var decodings = []struct {
	difference Difference
	into       reflect.Type
	src        string
	strict     bool
}{
	{FloatToInt, reflect.TypeFor[int](), double(5), false},
	{FloatRounded, reflect.TypeFor[float32](), double(0.1), false},
	{LargeToFloat, reflect.TypeFor[float64](), "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", false},
	{LargeToFloat, reflect.TypeFor[float32](), "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", false},
	{OutOfRange, reflect.TypeFor[int8](), "\xcd\x01\x2c", false},
	{OutOfRange, reflect.TypeFor[uint64](), "\xff", false},
	{StrictKind, reflect.TypeFor[float64](), "\x05", true},
	{TimeForm, reflect.TypeFor[[]time.Time](), "\x91\xb42020-01-01T00:00:00Z", false},
	{TimeForm, reflect.TypeFor[[]time.Time](), "\x91\xd6\x0d\x00\x00\x00\x01", false},
	{TimeForm, reflect.TypeFor[[]time.Time](), "\x91\x92\x01\x02", false},
	{TimeForm, reflect.TypeFor[[]time.Time](), "\x91\xc7\x0c\x05\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01", false},
	{TimeForm, reflect.TypeFor[any](), "\xc7\x0c\x05\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01", false},
	{NilKey, reflect.TypeFor[map[string]int](), "\x81\xc0\x01", false},
	{NilKey, reflect.TypeFor[map[int]int](), "\x81\xc0\x01", false},
	{NilKey, reflect.TypeFor[any](), "\x81\xc0\x01", false},
	{NilKey, reflect.TypeFor[inner](), "\x81\xc0\x01", false},
	{ShortArray, reflect.TypeFor[[3]int](), "\x92\x01\x02", false},
	{ShortArray, reflect.TypeFor[[3]byte](), "\xc4\x02ab", false},
	{RepeatedKey, reflect.TypeFor[struct{ M map[string]int }](), "\x82\xa1M\x81\xa1a\x01\xa1M\x81\xa1b\x02", false},
	{TextOrBinary, reflect.TypeFor[dual](), "\xa1x", false},
	{BytesToMethods, reflect.TypeFor[[2]gen2](), "\xc4\x02ab", false},
	{BytesToMethods, reflect.TypeFor[[]gen2](), "\xc4\x02ab", false},
	{Generated, reflect.TypeFor[struct{ G gen }](), "\x81\xa1G\x92\x07\xc0", false},
	{Unexported, reflect.TypeFor[oddEmbeds](), "\x81\xaeunexportedName\x07", false},
}

// gen2 is a byte with methods of its own, which arrays of it have to use.
type gen2 byte

func (g *gen2) UnmarshalText(b []byte) error { *g = 9; return nil }

func TestEachDifferenceInDecodingIsOne(t *testing.T) {
	t.Parallel()
	var seen Difference
	for _, c := range decodings {
		d := Decoder{Strict: c.strict}
		got, want := reflect.New(c.into), reflect.New(c.into)
		err := d.Decode([]byte(c.src), got)
		if d.Differences&c.difference == 0 {
			t.Errorf("% x into %s: noted %q, want %q among it (%v)", c.src, c.into, d.Differences, c.difference, err)
		}
		seen |= c.difference
		_, ext, _ := wire.Walk([]byte(c.src), 0)
		wantErr := v5Decode([]byte(c.src), ext, want)
		// A slice or an array of bytes with methods is nothing but bytes to v5, as here.
		if (err == nil) == (wantErr == nil) && (err != nil || same(got.Elem(), want.Elem())) && c.difference != BytesToMethods {
			t.Errorf("% x into %s, for %q: %+v, %v, and the same from v5", c.src, c.into, c.difference, got.Elem(), err)
		}
	}
	if all := Difference(1<<numDifferences - 1); seen != all {
		t.Errorf("no record for %q", all&^seen)
	}
	for i := range numDifferences {
		if s := Difference(1 << i).String(); s == "" || strings.Contains(s, ",") {
			t.Errorf("difference %d is called %q", i, s)
		}
	}
}

// encodings are values that msgpack/v5 writes otherwise, or not at all.
func TestEachDifferenceInEncodingIsOne(t *testing.T) {
	t.Parallel()
	circle := &struct{ Next any }{}
	circle.Next = circle
	type omits struct {
		A hidden `msgpack:",omitempty"`
	}
	type interned struct {
		A, B string `msgpack:",intern"`
	}
	for name, c := range map[string]struct {
		v    any // a pointer
		want string
		err  error
	}{
		"text is str":                     {ptr(level(1)), "\xa2l\x01", nil},
		"text before binary":              {&dual{"x"}, "\xa1x", nil},
		"elements that are bytes":         {&[]level{1}, "\x91\xa2l\x01", nil},
		"elements of an array":            {&[1]level{1}, "\x91\xa2l\x01", nil},
		"keys that are text":              {&map[level]int{1: 2}, "\x81\xa2l\x01\x02", nil},
		"generated inside":                {&[]gen{{7}}, "\x91\x92\x07\xc0", nil},
		"methods of a pointer, in a map":  {&map[string]pointed{"k": {5}}, "\x81\xa1k\x05", nil},
		"methods of a pointer, in an any": {ptr(any(pointed{5})), "\x05", nil},
		"omitempty of what has no fields": {&omits{hidden{"x"}}, "\x81\xa1A\xa1x", nil},
		"intern":                          {&interned{"long", "long"}, "\x82\xa1A\xa4long\xa1B\xa4long", nil},
		"promoted": {&struct {
			time.Time
			C int
		}{}, "", ErrType},
		"promoted IsZero": {&struct {
			Z zeroOnly2 `msgpack:",omitempty"`
		}{zeroOnly2{C: 1}}, "\x81\xa1Z\x82\xa1A\x00\xa1C\x01", nil},
		"uintptr": {ptr(uintptr(1)), "", ErrType},
	} {
		var e Encoder
		v := reflect.ValueOf(c.v)
		got, err := e.Append(nil, v)
		if !errors.Is(err, c.err) || err == nil && string(got) != c.want {
			t.Errorf("%s: got %q, %v, want %q, %v", name, got, err, c.want, c.err)
		}
		if v5, v5err := v5Append(v); v5err == nil && err == nil && string(v5) == string(got) {
			t.Errorf("%s: v5 has the same %q", name, v5)
		}
	}
	var e Encoder
	if _, err := e.Append(nil, reflect.ValueOf(circle)); !errors.Is(err, ErrTooDeep) {
		t.Errorf("a circle: got %v, want ErrTooDeep", err)
	}
}

type (
	zeroOnly2 struct {
		zeroOnly
		C int
	}
	zeroOnly struct{ A int }
)

func (z zeroOnly) IsZero() bool { return z.A == 0 }

func ptr[T any](v T) *T { return &v }

func TestFloatsAtTheEdgesOfIntegers(t *testing.T) {
	t.Parallel()
	var d Decoder
	for f, want := range map[float64]uint64{
		0: 0, 1 << 53: 1 << 53, 1<<63 - 1024: 1<<63 - 1024, 1 << 63: 1 << 63, 1<<64 - 2048: 1<<64 - 2048,
	} {
		var got uint64
		if err := d.Decode([]byte(double(f)), reflect.ValueOf(&got)); err != nil || got != want {
			t.Errorf("%v: got %d, %v", f, got, err)
		}
		var signed int64
		err := d.Decode([]byte(double(f)), reflect.ValueOf(&signed))
		if fits := want <= math.MaxInt64; fits != (err == nil) || fits && uint64(signed) != want {
			t.Errorf("%v: got %d, %v", f, signed, err)
		}
	}
}

func TestPromotedMethodsAreToldFromOwnOnes(t *testing.T) {
	t.Parallel()
	text := encodingSide[byText]
	for _, c := range []struct {
		t              reflect.Type
		lost, embedded string
	}{
		{reflect.TypeFor[promotes](), "X", "dual"},
		{reflect.TypeFor[promotesGeneric[int]](), "X", "dual"},
		{reflect.TypeFor[ownGeneric[int]](), "", ""},
		{reflect.TypeFor[ownByPointer](), "", ""},
		{reflect.TypeFor[shallower](), "alone", "level"},
		{reflect.TypeFor[dual](), "", ""},
		{reflect.TypeFor[alone](), "", ""},
	} {
		if lost, embedded := lostTo(c.t, text); lost != c.lost || embedded != c.embedded {
			t.Errorf("%s: %q lost to %q, want %q to %q", c.t, lost, embedded, c.lost, c.embedded)
		}
	}
}

type (
	promotes struct {
		X int
		dual
	}
	promotesGeneric[T any] struct {
		dual
		X T
	}
	ownGeneric[T any] struct {
		dual
		X T
	}
	ownByPointer struct {
		*dual
		X int
	}
	// shallower has two that have the method; Go takes level's.
	shallower struct {
		alone
		level
		X int
	}
	alone struct{ dual }
)

func (ownGeneric[T]) MarshalText() ([]byte, error) { return nil, nil }
func (*ownByPointer) MarshalText() ([]byte, error) { return nil, nil }
