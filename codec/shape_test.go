package codec_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shmq/shmq/codec"
)

// Order is what errors are about.
type Order struct {
	ID     uint64 `msgpack:"id"`
	Lines  []Line
	ByName map[string]*Line
	Byte4  [4]byte
	Three  [3]int
	Any    any
	Ints   map[int]int
	Inner
}

type (
	Line struct {
		Count int8 `msgpack:"n"`
		Tags  []string
	}
	Inner struct{ Deep string }
)

func TestAnErrorNamesThePathTheValueAndWhatWasWanted(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	for src, want := range map[string]string{
		"\x81\xa5Lines\x94\x80\x80\x80\x81\xa1n\xcd\x01\x2c": "Order.Lines[3].Count: 300 does not fit int8",
		"\x81\xa2id\xff":    "Order.ID: -1 does not fit uint64",
		"\x81\xa2id\xa3abc": `Order.ID: "abc", want uint64`,
		"\x81\xa5Lines\x91\x81\xa4Tags\x92\xa1a\x05":                             "Order.Lines[0].Tags[1]: 5, want string",
		"\x81\xa5Lines\x91\x81\xa4Tags\xa1a":                                     `Order.Lines[0].Tags: "a", want an array for []string`,
		"\x81\xa5Lines\x91\xc3":                                                  "Order.Lines[0]: true, want a map for codec_test.Line",
		"\x81\xa5Lines\x80":                                                      "Order.Lines: a map of 0, want an array for []codec_test.Line",
		"\x81\xa6ByName\x81\xa3abc\x81\xa1n\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00": `Order.ByName["abc"].Count: float 1.5, want int8`,
		"\x81\xa4Ints\x81\x07\xa1x":                                              `Order.Ints[7]: "x", want int`,
		"\x81\xa4Ints\x81\xa1x\x07":                                              `Order.Ints[key]: "x", want int`,
		"\x81\xa4Deep\x90":                                                       "Order.Deep: an array of 0, want string",
		"\x81\xa5Byte4\xc4\x03abc":                                               "Order.Byte4: 3 bytes, want the 4 of [4]uint8",
		"\x81\xa5Byte4\xc4\x05abcde":                                             "Order.Byte4: 5 bytes, want the 4 of [4]uint8",
		"\x81\xa5Byte4\xd4\x05x":                                                 "Order.Byte4: ext 5 of 1 bytes, want [4]uint8",
		"\x81\xa3Any\x91\xd4\x05x":                                               "Order.Any[0]: ext 5 of 1 bytes, which nothing is registered for",
		"\x81\xa3Any\x81\xa1k\xd4\xffx":                                          `Order.Any["k"]: ext -1 of 1 bytes, which is no timestamp`,
		"\x81\xa3Any\x81\x05\x06":                                                "Order.Any: 5 as a key, want string; for other keys use map[any]any",
		"\x81\xa5Three\x92\x01\x02":                                              "Order.Three: 2 elements, want the 3 of [3]int",
		"\x81\x05\x06":                                                           "Order: 5 as a key, want the name of a field of codec_test.Order",
		"\xa1x":                                                                  `Order: "x", want a map for codec_test.Order`,
		"\x92\x01\x02":                                                           "Order: an array of 2, want a map, or an array of the 8 fields of codec_test.Order",
	} {
		var v Order
		err := c.Decode([]byte(src), &v)
		if !errors.Is(err, codec.ErrMismatch) || err.Error() != codec.ErrMismatch.Error()+": "+want {
			t.Errorf("%q: got  %v\nwant %s", src, err, want)
		}
	}
	long := "\x81\xa3Any" + strings.Repeat("\x91", 400) + "\xd4\x05x"
	if err := c.Decode([]byte(long), new(Order)); err == nil || len(err.Error()) > 200 {
		t.Errorf("got %v", err)
	}
	var list []int8
	if err := c.Decode([]byte("\x92\x01\xcd\x01\x2c"), &list); err == nil || !strings.HasSuffix(err.Error(), ": record[1]: 300 does not fit int8") {
		t.Errorf("got %v", err)
	}
}

func TestAnArrayTakesAsManyElementsAsItHas(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	for src, v := range map[string]any{
		"\x92\x01\x02":         new([3]int),
		"\x90":                 new([3]int),
		"\x94\x01\x02\x03\x04": new([3]int),
		"\xc4\x02ab":           new([3]byte),
		"\xc4\x00":             new([3]byte),
		"\xc4\x04abcd":         new([3]byte),
		"\x92\xa1a\xa1b":       new([1]string),
	} {
		if err := c.Decode([]byte(src), v); !errors.Is(err, codec.ErrMismatch) {
			t.Errorf("% x into %T: got %v, want ErrMismatch", src, v, err)
		}
	}
	var got [3]int
	if err := c.Decode([]byte("\x93\x01\x02\x03"), &got); err != nil || got != [3]int{1, 2, 3} {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestNilIsNoKey(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	const src = "\x82\xc0\x01\xa0\x02"
	for _, v := range []any{
		new(map[string]int), new(map[string]any), new(any), new([1]map[string]int), new(struct{ A int }), new(map[colour]int),
	} {
		record := src
		if _, ok := v.(*[1]map[string]int); ok {
			record = "\x91" + src
		}
		if err := c.Decode([]byte(record), v); !errors.Is(err, codec.ErrMismatch) || !strings.Contains(err.Error(), "nil as a key") {
			t.Errorf("into %T: got %v, want nil refused as a key", v, err)
		}
	}
	for _, v := range []any{new(map[int]int), new(map[bool]int), new(map[float64]int), new(map[[1]int]int), new(map[struct{}]int)} {
		if err := c.Decode([]byte("\x81\xc0\x01"), v); !errors.Is(err, codec.ErrMismatch) {
			t.Errorf("into %T: got %v, want ErrMismatch", v, err)
		}
	}
	texts := map[string]string{}
	if err := c.Decode([]byte("\x81\xc0\xa1x"), &texts); !errors.Is(err, codec.ErrMismatch) {
		t.Errorf("got %v, %v, want ErrMismatch", texts, err)
	}
	var keyed map[any]int
	if err := c.Decode([]byte(src), &keyed); err != nil || keyed[nil] != 1 || keyed[""] != 2 {
		t.Errorf("into a map[any]int: got %v, %v", keyed, err)
	}
}

func TestWhatCannotBeAKeyIsNamed(t *testing.T) {
	t.Parallel()
	for src, says := range map[string]string{
		"\x81\x90\x01":          "a key of type []interface {}",
		"\x81\x80\x01":          "a key of type map[string]interface {}",
		"\x81\xc4\x01k\x01":     "a key of type []uint8",
		"\x81\x81\xa1k\x90\x01": "a key of type map[string]interface {}",
	} {
		err := codec.Msgpack().Decode([]byte(src), new(map[any]int))
		if !errors.Is(err, codec.ErrMismatch) || !strings.Contains(err.Error(), says) {
			t.Errorf("% x: got %v, want %q", src, err, says)
		}
	}
}

func TestTagsNameFields(t *testing.T) {
	t.Parallel()
	type tagged struct {
		A int `msgpack:"a,alias:alpha"`
		B int `msgpack:"'with, comma'"`
		C int `msgpack:"alias:gamma"`
		D int `msgpack:"-"`
		E int `msgpack:" e ,omitempty"`
		F int `json:"f"`
	}
	v := tagged{1, 2, 3, 4, 0, 6}
	equal(t, string(encode(t, &v)), "\x84\xa1a\x01\xabwith, comma\x02\xa1C\x03\xa1F\x06")
	var got tagged
	const src = "\x86\xa5alpha\x01\xabwith, comma\x02\xa5gamma\x03\xa1D\x04\xa1e\x05\xa1F\x06"
	if err := codec.Msgpack().Decode([]byte(src), &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, tagged{1, 2, 3, 0, 5, 6})
}

func TestAStructEmbeddedByPointerIsMadeWhenItIsThere(t *testing.T) {
	t.Parallel()
	type outer struct {
		Z int
		*Inner
		*Line
	}
	var got outer
	if err := codec.Msgpack().Decode([]byte("\x82\xa4Deep\xa1x\xa1Z\x07"), &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, outer{Z: 7, Inner: &Inner{Deep: "x"}})
}

func TestTheLastOfARepeatedKeyCounts(t *testing.T) {
	t.Parallel()
	type all struct {
		M map[string]int
		S struct{ A, B int }
		L []struct{ A, B int }
		P *struct{ A, B int }
	}
	var got, want all
	const src = "\x88" + "\xa1M\x81\xa1a\x01\xa1S\x81\xa1A\x01\xa1L\x92\x81\xa1A\x01\x80\xa1P\x81\xa1A\x01" +
		"\xa1M\x81\xa1b\x02\xa1S\x81\xa1B\x02\xa1L\x91\x81\xa1B\x02\xa1P\x81\xa1B\x02"
	if err := codec.Msgpack().Decode([]byte(src), &got); err != nil {
		t.Fatal(err)
	}
	const last = "\x84\xa1M\x81\xa1b\x02\xa1S\x81\xa1B\x02\xa1L\x91\x81\xa1B\x02\xa1P\x81\xa1B\x02"
	if err := codec.Msgpack().Decode([]byte(last), &want); err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
}

// Each container that ends is one level less around what follows.
func TestAnyNumberOfSiblingsIsOneLevel(t *testing.T) {
	t.Parallel()
	const n = 2 * codec.MaxDepth
	type pair struct{ A, B []int }
	type omitting struct {
		A []int `msgpack:",omitempty"`
	}
	type inOrder struct {
		_msgpack struct{} `msgpack:",as_array"`
		A        []int
	}
	_ = inOrder{}._msgpack
	repeat := func(v any) []any {
		vs := make([]any, n)
		for i := range vs {
			vs[i] = v
		}
		return vs
	}
	for _, v := range []any{
		[]any{}, map[string]any{}, map[string]string{}, map[int]int{1: 1}, pair{}, omitting{}, inOrder{}, [2]int{}, []string{"x"}, &pair{A: []int{1}},
	} {
		vs := repeat(v)
		src := encode(t, &vs)
		list := reflect.New(reflect.SliceOf(reflect.TypeOf(v)))
		if err := codec.Msgpack().Decode(src, list.Interface()); err != nil || list.Elem().Len() != n {
			t.Errorf("%T: %d come back, %v", v, list.Elem().Len(), err)
		}
		if again := encode(t, list.Interface()); !bytes.Equal(again, src) {
			t.Errorf("%T: a second encoding differs", v)
		}
		if _, ok := v.(map[int]int); ok {
			continue // its keys are no strings
		}
		var boxed any
		if err := codec.Msgpack().Decode(src, &boxed); err != nil {
			t.Errorf("%T into any: %v", v, err)
		}
	}
	pairs := []byte("\xdc\x04\x00" + strings.Repeat("\x92\x01\x02", n))
	var times []time.Time
	if err := codec.Msgpack().Decode(pairs, &times); err != nil || len(times) != n {
		t.Errorf("%d times, %v", len(times), err)
	}
}
