package main

import (
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/codec"
)

// sent is a value that Go sends.
type sent struct {
	kind   string // the column of the overview
	name   string
	goType string
	bytes  []byte
	// read decodes bytes into the type that was sent, and returns the bytes of
	// what came out of that.
	read func(bytes []byte) ([]byte, error)
}

func (s sent) text() string { return diagnose(s.bytes) }

func send[T any](kind, name string, v T) sent {
	b, err := codec.Msgpack().Append(nil, &v)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err)) // a value of this file that cannot be sent
	}
	return sent{kind, name, typeName[T](), b, readAs[T]}
}

// sendBytes is send for a map of more than one entry, whose order is not known.
func sendBytes[T any](kind, name string, bytes string) sent {
	return sent{kind, name, typeName[T](), []byte(bytes), readAs[T]}
}

func readAs[T any](bytes []byte) ([]byte, error) {
	var v T
	c := codec.Msgpack()
	if err := c.Decode(bytes, &v); err != nil {
		return nil, err
	}
	return c.Append(nil, &v)
}

func typeName[T any]() string {
	var p *T
	return strings.ReplaceAll(strings.ReplaceAll(fmt.Sprintf("%T", p)[1:], "main.", ""), "interface {}", "any")
}

// colour is an enum with names.
type colour uint8

var colours = []string{"red", "green", "blue"}

func (c colour) MarshalText() ([]byte, error) { return []byte(colours[c]), nil }

func (c *colour) UnmarshalText(text []byte) error {
	for i, s := range colours {
		if s == string(text) {
			*c = colour(i)
			return nil
		}
	}
	return fmt.Errorf("no colour: %q", text)
}

// weekday is an enum without.
type weekday int8

type base struct {
	ID   int64
	Name string
}

type embedding struct {
	base `msgpack:",inline"`
	Tags []string
}

type student struct {
	Name  string
	Grade float64
	Tags  []string
}

type tagged struct {
	Name  string `msgpack:"n"`
	Empty string `msgpack:"e,omitempty"`
}

type nested struct {
	At   time.Time
	Next *nested
	Data []byte
}

// shape is an ext of type 42.
type shape struct{ sides byte }

func (s *shape) MarshalMsgpack() ([]byte, error) { return []byte{s.sides, 0}, nil }

func (s *shape) UnmarshalMsgpack(b []byte) error {
	if len(b) != 2 {
		return fmt.Errorf("%d bytes for a shape", len(b))
	}
	s.sides = b[0]
	return nil
}

func init() {
	msgpack.RegisterExt(42, (*shape)(nil))
}

func sentValues() []sent {
	var out []sent
	add := func(s sent) { out = append(out, s) }

	for _, n := range []int64{0, 127, 128, 255, 256, 1<<15 - 1, 1 << 15, 1<<16 - 1, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32,
		1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64,
		-1, -32, -33, -128, -129, -1 << 15, -1<<15 - 1, -1 << 31, -1<<31 - 1, -1 << 53, -1<<53 - 1, math.MinInt64} {
		add(send("integers", fmt.Sprint(n), n))
	}
	for _, n := range []uint64{1 << 63, math.MaxUint64} {
		add(send("integers", fmt.Sprint(n), n))
	}
	add(send("integers", "a duration", 1500*time.Millisecond))

	for _, f := range []float64{0, math.Copysign(0, -1), 5, 0.1, -1.5, 1 << 32, 1e16, 1e300, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN()} {
		add(send("floats", float(f), f))
	}
	for _, f := range []float32{5, 0.1, math.MaxFloat32} {
		add(send("float32", "float32 "+float(float64(f)), f))
	}

	add(send("text", "empty text", ""))
	add(send("text", "text", "hé"))
	add(send("text", "text beyond 16 bits", "日本𝄞"))
	add(send("text", "text with a NUL", "a\x00b"))
	add(send("text", "text of 32 bytes", strings.Repeat("t", 32)))
	add(send("text", "text of 300 bytes", strings.Repeat("t", 300)))
	add(send("text", "text of 70000 bytes", strings.Repeat("t", 70000)))
	add(send("not UTF-8", "text that is not UTF-8", "a\xff"))
	add(send("not UTF-8", "long text that is not UTF-8", strings.Repeat("t", 300)+"\xff"))

	add(send("bin", "empty bin", []byte{}))
	add(send("bin", "bin", []byte{0, 255}))
	add(send("bin", "bin that could be text", []byte("abc")))
	add(send("bin", "bin of 300 bytes", make([]byte, 300)))

	add(send("nil, bool", "nil", any(nil)))
	add(send("nil, bool", "nil pointer", (*int64)(nil)))
	add(send("nil, bool", "nil bytes", []byte(nil)))
	add(send("nil, bool", "nil slice", []string(nil)))
	add(send("nil, bool", "nil map", map[string]int64(nil)))
	add(send("nil, bool", "true", true))
	add(send("nil, bool", "false", false))

	add(send("lists", "empty list", []int64{}))
	add(send("lists", "list", []any{int64(1), "a", nil, true}))
	add(send("lists", "list of 20", make([]int64, 20)))
	add(send("lists", "list of lists", [][]int64{{1}, {}, {2, 3}}))

	add(send("records", "struct", student{Name: "Ada", Grade: 1.5, Tags: []string{"a"}}))
	add(send("records", "struct of zeros", student{}))
	add(send("records", "tags and omitempty", tagged{Name: "Ada"}))
	add(send("records", "embedded struct", embedding{base{7, "Ada"}, []string{"a"}}))
	add(send("records", "nested struct", nested{At: time.Unix(1, 0), Next: &nested{At: time.Unix(2, 0)}, Data: []byte{1}}))
	add(send("records", "empty map", map[string]int64{}))
	add(send("records", "map", map[string]int64{"k": 7}))
	add(send("records", "map of a map", map[string]map[string]int64{"m": {}}))
	add(send("records", "empty key", map[string]int64{"": 1}))
	add(send("records", "key __proto__", map[string]int64{"__proto__": 1}))
	add(send("records", "key of digits", map[string]int64{"1": 2}))

	add(send("other keys", "integer keys", map[int64]string{1: "x"}))
	add(send("other keys", "integers to integers", map[int64]int64{1: 2}))
	add(send("other keys", "negative key", map[int64]string{-1: "x"}))
	add(send("other keys", "key of 64 bits", map[uint64]string{math.MaxUint64: "x"}))
	add(send("other keys", "float key", map[float64]string{1.5: "x"}))
	add(send("other keys", "bool key", map[bool]string{true: "x"}))
	add(send("other keys", "list as a key", map[[2]int64]string{{1, 2}: "x"}))
	add(sendBytes[map[any]string]("other keys", `keys 1 and "1"`, "\x82\x01\xa1i\xa11\xa1s"))
	add(send("other keys", "integer keys, nested", map[string]map[int64]string{"m": {7: "x"}}))

	for _, t := range []struct {
		name string
		time time.Time
	}{
		{"time", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"time with milliseconds", time.Date(2020, 1, 1, 0, 0, 0, 123e6, time.UTC)},
		{"time with nanoseconds", time.Date(2020, 1, 1, 0, 0, 0, 123456789, time.UTC)},
		{"time, last nanosecond", time.Date(2020, 1, 1, 0, 0, 0, 999999999, time.UTC)},
		{"time in a zone", time.Date(2020, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600))},
		{"time 0", time.Unix(0, 0)},
		{"time before 1970", time.Unix(-1, 0)},
		{"time before 1970 with nanoseconds", time.Unix(-2, 123456789)},
		{"time after 2106", time.Unix(1<<32, 0)},
		{"last time of 34 bits", time.Unix(1<<34-1, 999999999)},
		{"time after 2514", time.Unix(1<<34, 0)},
		{"time 9999", time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)},
		{"no time", time.Time{}},
	} {
		add(send("times", t.name, t.time))
	}
	add(send("times", "time in a map", map[string]time.Time{"at": time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}))

	add(send("own types", "enum by name", colour(2)))
	add(send("own types", "enum as a key", map[colour]int64{2: 1}))
	add(send("own types", "enum by number", weekday(3)))
	add(send("own types", "big.Int", new(big.Int).Lsh(big.NewInt(1), 70)))
	add(send("own types", "netip.Addr", netip.MustParseAddr("192.0.2.1")))
	add(send("own types", "ext 42", shape{3}))
	return out
}
