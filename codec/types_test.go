package codec_test

import (
	"encoding"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/shmq/shmq/codec"
)

type (
	selfish  struct{ *selfish }
	pointers *pointers

	withGenerated struct {
		generated
		Extra int
	}
	withTime struct {
		time.Time
		C int
	}
	withTimeDeep  struct{ E withTimeOnly2 }
	withTimeOnly2 struct {
		withTimeOnly
		C int
	}
	withTimeOnly struct{ time.Time }
	withPointer  struct {
		*custom
		Extra int
	}
	withRaw struct {
		Extra int
		raw
	}
	withText struct {
		colour
		Extra int
	}
	withBinary struct {
		onlyBinary
		Extra int
	}
	withInterface struct {
		encoding.TextMarshaler
		Extra int
	}
	withTwo struct {
		withTimeOnly
		generated
	}

	withOwn struct {
		generated
		Extra int
	}
	withTag struct {
		generated
		Cache  int `msgpack:"-"`
		hidden int
	}
	withName struct {
		G     generated
		Extra int
	}
)

func (w *withOwn) MarshalMsg(dst []byte) ([]byte, error) { return append(dst, byte(w.Extra)), nil }
func (w *withOwn) UnmarshalMsg(src []byte) ([]byte, error) {
	w.Extra = int(src[0])
	return src[1:], nil
}

func TestATypeWithoutAnEncodingIsKnownBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	type notify struct{ Notify chan int }
	for _, c := range []struct {
		v    any // a pointer to the type
		says string
	}{
		{new(chan int), "chan int"},
		{new(func()), "func()"},
		{new(complex128), "complex128"},
		{new(uintptr), "uintptr"},
		{new(unsafe.Pointer), "unsafe.Pointer"},
		{new(struct{ U uintptr }), "record.U: "},
		{new([]complex64), "[]: "},
		{new([2]chan int), "[]: "},
		{new(map[string]func()), "[]: "},
		{new(map[uintptr]int), "[key]: "},
		{new(struct{ Lines []map[string]*notify }), "record.Lines[][].Notify: "},
		{new(notify), "notify.Notify: "},
		{new(selfish), "embeds itself"},
		{new(pointers), "pointers"},

		{new(withGenerated), "field Extra"},
		{new(*withGenerated), "field Extra"},
		{new(struct{ W []withGenerated }), ".W[]: "},
		{new(withTime), "field C"},
		{new(withTimeDeep), "field C"},
		{new(withPointer), "field Extra"},
		{new(withRaw), "field Extra"},
		{new(withText), "field Extra"},
		{new(withBinary), "field Extra"},
		{new(withTwo), "field"},
	} {
		typ := reflect.TypeOf(c.v).Elem()
		enc, dec := codec.CheckAppend(codec.Msgpack(), typ), codec.CheckDecode(codec.Msgpack(), typ)
		b, send := codec.Msgpack().Append([]byte("head"), c.v)
		receive := codec.Msgpack().Decode([]byte{0xc0}, c.v)
		for what, err := range map[string]error{"check of encoding": enc, "check of decoding": dec, "encoding": send, "decoding": receive} {
			if !errors.Is(err, codec.ErrType) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s of %T: got %v, want an ErrType with %q", what, c.v, err, c.says)
			}
		}
		if string(b) != "head" {
			t.Errorf("encoding %T left %q", c.v, b)
		}
	}
	if err := codec.CheckAppend(codec.Msgpack(), reflect.TypeFor[withInterface]()); !errors.Is(err, codec.ErrType) {
		t.Errorf("an embedded interface: got %v, want ErrType", err)
	}
	if err := codec.CheckAppend(codec.Bytes(), reflect.TypeFor[int]()); !errors.Is(err, codec.ErrType) {
		t.Errorf("an int as bytes: got %v, want ErrType", err)
	}
}

func TestWhatAnInterfaceHoldsIsKnownWhenItIsSent(t *testing.T) {
	t.Parallel()
	for _, v := range []any{make(chan int), func() {}, complex(1, 2), uintptr(1), withGenerated{}, struct{ U uintptr }{}, &struct{ C chan int }{}} {
		boxed := any(map[string]any{"k": []any{1, v}})
		if err := codec.CheckAppend(codec.Msgpack(), reflect.TypeFor[any]()); err != nil {
			t.Fatal(err)
		}
		b, err := codec.Msgpack().Append([]byte("head"), &boxed)
		if !errors.Is(err, codec.ErrType) || string(b) != "head" || !strings.Contains(err.Error(), `["k"][1]`) {
			t.Errorf("%T: got %q, %v, want ErrType", v, b, err)
		}
		if _, again := codec.Msgpack().Append(nil, &boxed); again == nil || again.Error() != err.Error() {
			t.Errorf("%T: got %v, and then %v", v, err, again)
		}
	}
}

func TestAStructWithMethodsOfItsOwnOrNothingToLoseIsSent(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	own := withOwn{generated{1, "a"}, 7}
	equal(t, string(encode(t, &own)), "\x07")
	tagged := withTag{generated{5, "x"}, 1, 2}
	equal(t, string(encode(t, &tagged)), generatedBytes)
	named := withName{generated{5, "x"}, 6}
	equal(t, string(encode(t, &named)), "\x82\xa1G"+generatedBytes+"\xa5Extra\x06")
	only := withTimeOnly{time.Unix(5, 0)}
	b := encode(t, &only)
	var got withTimeOnly
	if err := c.Decode(b, &got); err != nil || !got.Equal(only.Time) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[withOwn](), reflect.TypeFor[withTag](), reflect.TypeFor[withName](), reflect.TypeFor[withTimeOnly]()} {
		if err := errors.Join(codec.CheckAppend(c, typ), codec.CheckDecode(c, typ)); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

// A struct of which the embedded part says when it is zero.
type zeroInside struct {
	withZero
	C int
}
type withZero struct{ Z int }

func (w withZero) IsZero() bool { return w.Z == 0 }

func TestOmitemptyLeavesOutNothingThatIsThere(t *testing.T) {
	t.Parallel()
	type all struct {
		E zeroInside `msgpack:",omitempty"`
		T texts2     `msgpack:",omitempty"`
		W withZero   `msgpack:",omitempty"`
		Z time.Time  `msgpack:",omitempty"`
	}
	v := all{E: zeroInside{C: 1}, T: texts2{s: "x"}}
	equal(t, string(encode(t, &v)), "\x82\xa1E\x82\xa1Z\x00\xa1C\x01\xa1T\xa1x")
	equal(t, string(encode(t, &all{})), "\x81\xa1E\x82\xa1Z\x00\xa1C\x00")
}

// texts2 has no field that is exported, as netip.Addr.
type texts2 struct{ s string }

func (t texts2) MarshalText() ([]byte, error) { return []byte(t.s), nil }

func TestWhatContainsItselfEndsAsTooDeep(t *testing.T) {
	t.Parallel()
	type node struct{ Next *node }
	ring := &node{}
	ring.Next = ring
	var box any
	box = &box
	list := []any{nil}
	list[0] = list
	for name, v := range map[string]any{"ring": ring, "box": &box, "list": &list, "deep": deepList(codec.MaxDepth + 1)} {
		if b, err := codec.Msgpack().Append([]byte("head"), v); !errors.Is(err, codec.ErrTooDeep) || string(b) != "head" {
			t.Errorf("%s: got %d bytes, %v, want ErrTooDeep", name, len(b), err)
		}
	}
	var got any
	b := encode(t, deepList(codec.MaxDepth))
	if err := codec.Msgpack().Decode(b, &got); err != nil {
		t.Error(err)
	}
}

func deepList(depth int) any {
	var v any = 1
	for range depth {
		v = []any{v}
	}
	return &v
}
