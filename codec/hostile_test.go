package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/codec"
)

type (
	tree map[string]tree
	wide struct{ A [128]int64 } // 1 KiB
	// holder has a field of each kind whose decoder has a way of its own.
	holder struct {
		M  map[string]any
		S  map[string]string
		T  tree
		At time.Time
		I  any
		E  error
		K  map[any]int
		N  string `msgpack:",intern"`
		B  []byte
		L  []holder
		P  *holder
		Z  big.Int
		J  json.RawMessage
		F  [4]byte
		G  []string
		W  []wide
	}
)

// byLibrary leaves the decoding of a T to msgpack/v5.
type byLibrary[T any] struct{ V T }

func (b *byLibrary[T]) DecodeMsgpack(d *msgpack.Decoder) error { return d.Decode(&b.V) }

// targets makes a new value of each type that hostile records are decoded to.
var targets = []struct {
	name string
	make func() any
	// factor bounds the bytes allocated for each byte of a record.
	factor int
}{
	{"any", func() any { return new(any) }, 250},
	{"[]any", func() any { return new([]any) }, 250},
	{"map[string]any", func() any { return new(map[string]any) }, 250},
	{"map[string]string", func() any { return new(map[string]string) }, 250},
	{"map[any]any", func() any { return new(map[any]any) }, 250},
	{"tree", func() any { return new(tree) }, 250},
	{"[]tree", func() any { return new([]tree) }, 250},
	{"[]string", func() any { return new([]string) }, 250},
	{"[]byte", func() any { return new([]byte) }, 250},
	{"[]map[string]any", func() any { return new([]map[string]any) }, 250},
	{"[]error", func() any { return new([]error) }, 250},
	{"time", func() any { return new(time.Time) }, 250},
	{"[]time", func() any { return new([]time.Time) }, 250},
	{"order", func() any { return new(order) }, 250},
	{"[]order", func() any { return new([]order) }, 4 * 104},
	{"[]wide", func() any { return new([]wide) }, 4 * 1024},
	{"[]*wide", func() any { return new([]*wide) }, 4 * 1024},
	{"map[string]wide", func() any { return new(map[string]wide) }, 4 * 1024},
	{"holder", func() any { return new(holder) }, 4 * 1024},
	{"map[string]any by the library", func() any { return new(byLibrary[map[string]any]) }, 250},
	{"tree by the library", func() any { return new(byLibrary[tree]) }, 250},
	{"[]wide by the library", func() any { return new(byLibrary[[]wide]) }, 4 * 1024},
	{"holder by the library", func() any { return new(byLibrary[holder]) }, 4 * 1024},
	{"order by the library in a list", func() any { return new([]byLibrary[order]) }, 4 * 128},
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// decodeBounded decodes src into every target and fails t when that costs more
// memory than documented. It must not run in parallel with anything.
func decodeBounded(t testing.TB, src []byte) {
	t.Helper()
	// The cost of a first use: tables of fields, a fresh decoder, the error.
	const fixed = 1 << 20
	for _, target := range targets {
		v := target.make()
		var err error
		used := allocated(func() { err = codec.Msgpack().Decode(src, v) })
		if limit := uint64(fixed + target.factor*len(src)); used > limit {
			t.Errorf("record of %d bytes % x... into %s allocates %d bytes, limit %d (%v)",
				len(src), src[:min(len(src), 16)], target.name, used, limit, err)
		}
	}
}

func TestAHostileRecordCostsBoundedMemory(t *testing.T) {
	const n = 4 << 10
	array := func(element string) string { return fmt.Sprintf("\xdd%s%s", count(n), strings.Repeat(element, n)) }
	for name, src := range map[string]string{
		// A decoder that trusts these kills the process.
		"array of 4 Gi":         "\xdd\xff\xff\xff\xff",
		"map of 4 Gi":           "\xdf\xff\xff\xff\xff",
		"text of 4 GiB":         "\xdb\xff\xff\xff\xff",
		"bytes of 4 GiB":        "\xc6\xff\xff\xff\xff",
		"array of 16 Mi inside": "\x81\xa1I\xdd\x01\x00\x00\x00",
		"arrays in arrays":      strings.Repeat("\xdd\x00\x00\xff\xff", 500),

		"promises within promises":  strings.Repeat("\xdc\xff\x00", 500) + strings.Repeat("\xc0", 0xff00),
		"maps promised within maps": strings.Repeat("\xde\x7f\x00\xa0", 500) + strings.Repeat("\xc0", 0xff00),
		"promises within a field":   "\x81\xa1L" + strings.Repeat("\xdc\x7f\x00\x81\xa1L", 250) + strings.Repeat("\xc0", 0x8000),

		// These are well-formed.
		"nils":               array("\xc0"),
		"empty maps":         array("\x80"),
		"empty arrays":       array("\x90"),
		"maps of one":        array("\x81\xa0\xc0"),
		"maps in maps":       array(strings.Repeat("\x81\xa0", 20) + "\xc0"),
		"arrays in deep":     array(strings.Repeat("\x91", 20) + "\xc0"),
		"same key":           "\x81\xa1M\xdf" + count(n) + strings.Repeat("\xa0\xc0", n),
		"same key at top":    "\xdf" + count(n) + strings.Repeat("\xa0\xc0", n),
		"interned":           "\xdf" + count(n) + strings.Repeat("\xa1N\xa3abc", n),
		"interned reference": "\x81\xa1N\xd6\x80\xff\xff\xff\xff",
		"wide elements":      "\x81\xa1W\xdd" + count(n) + strings.Repeat("\x80", n),

		// The payload of an ext is not checked, so nothing may look inside.
		"map of 4 Gi in an ext":              "\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"map of 4 Gi in a timestamp":         "\xd7\xff\xdf\xff\xff\xff\xff\x00\x00\x00",
		"map of 4 Gi in an ext8":             "\xc7\x05\x00\xdf\xff\xff\xff\xff",
		"map of 4 Gi in an ext16":            "\xc8\x00\x05\x00\xdf\xff\xff\xff\xff",
		"map of 4 Gi in an ext32":            "\xc9\x00\x00\x00\x05\x00\xdf\xff\xff\xff\xff",
		"map of 4 Gi past an ext1":           "\x92\xd4\x80\xdf\xce\xff\xff\xff\xff",
		"map of 4 Gi in an ext in a field":   "\x81\xa1M\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"map of 4 Gi in an ext in a list":    "\x91\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"array of 4 Gi in a map in an ext":   "\x81\xa1M\xc7\x08\x00\x81\xa1a\xdd\xff\xff\xff\xff",
		"nil in an ext, then array of 4 Gi":  "\x81\xa1M\xc7\x06\x00\xc0\xdd\xff\xff\xff\xff",
		"after an ext, a second one":         "\x92\xd6\xff\x00\x00\x00\x01\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"after an ext and its look-alike":    "\x93\xd6\xff\x00\x00\x00\x01\xc4\x02\xd4\x00\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"after an ext that is no msgpack":    "\x82\xa2At\xd6\xff\xc1\xc1\xc1\xc1\xa1M\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"before another ext":                 "\x82\xa1M\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00\xa1I\xd4\x05\x00",
		"string map of 4 Gi in an ext":       "\x81\xa1S\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"recursive map of 4 Gi in an ext":    "\x81\xa1T\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"timestamps":                         array("\xd6\xff\x00\x00\x00\x01"),
		"map into an empty ext, over and up": array("\xc7\x00\x00\x81\xa0\xc0"),
	} {
		t.Run(name, func(t *testing.T) { decodeBounded(t, []byte(src)) })
	}
}

func count(n uint32) string {
	return string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// An ext that is taken for the map behind it makes siblings into levels: the
// depth is checked, but a decoder would go as deep as the record is long.
func TestExtsDoNotUndoTheLimitOfDepth(t *testing.T) {
	t.Parallel()
	const n = 10 * codec.MaxDepth
	for name, src := range map[string]string{
		"empty ext":  "\xdd" + count(n+1) + strings.Repeat("\xc7\x00\x00\x81\xa0", n) + "\xc7\x00\x00",
		"ext of one": "\xdd" + count(2*n) + strings.Repeat("\xd4\x80\x81\xa0", n),
	} {
		if err := codec.Check([]byte(src)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := codec.Msgpack().Decode([]byte(src), new([]tree)); !errors.Is(err, codec.ErrMismatch) {
			t.Errorf("%s: got %v, want it to stop at the first ext", name, err)
		}
		err := codec.Msgpack().Decode([]byte(src), new(byLibrary[[]tree]))
		if !errors.Is(err, codec.ErrMismatch) || !strings.Contains(err.Error(), "ext value where") {
			t.Errorf("%s, by the msgpack library: got %v, want it to stop at the first ext", name, err)
		}
	}
}

func TestARecordThatMakesTheLibraryPanicIsAMismatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		src string
		v   any
	}{
		"nil for a time":             {"\x81\xa2At\xc0", new(holder)},
		"nil in a list of times":     {"\x91\xc0", new([]time.Time)},
		"number for an error":        {"\x81\xa1E\x01", new(holder)},
		"array for a key":            {"\x81\xa1K\x81\x90\x01", new(holder)},
		"map for a key":              {"\x81\x80\x01", new(map[any]any)},
		"array in an array, as key":  {"\x81\x91\x90\x01", new(map[any]any)},
		"text for a named interface": {"\xa1x", new(fmt.Stringer)},
	} {
		if err := codec.Msgpack().Decode([]byte(c.src), c.v); !errors.Is(err, codec.ErrMismatch) {
			t.Errorf("%s: got %v, want ErrMismatch", name, err)
		}
	}
}

func TestExtsOfTheWrongShapeAreMismatches(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"timestamp of 1 byte":   "\xd4\xff\x00",
		"timestamp of 2 bytes":  "\xd5\xff\x00\x00",
		"timestamp of 16 bytes": "\xd8\xff" + strings.Repeat("\x00", 16),
		"timestamp of none":     "\xc7\x00\xff",
		"unknown ext":           "\xd4\x05\x00",
		"interned string":       "\xd4\x80\x00",
	} {
		for _, v := range []any{new(any), new(time.Time), new(map[string]any), new([]any), new(string), new(order)} {
			if err := codec.Msgpack().Decode([]byte(src), v); !errors.Is(err, codec.ErrMismatch) {
				t.Errorf("%s into %T: got %v, want ErrMismatch", name, v, err)
			}
			list := []byte("\x92" + src + "\xc0")
			if err := codec.Msgpack().Decode(list, new([]any)); !errors.Is(err, codec.ErrMismatch) {
				t.Errorf("%s in a list: got %v, want ErrMismatch", name, err)
			}
		}
	}
}

func TestAFieldThatTheStructLacksMayHoldAnyExt(t *testing.T) {
	t.Parallel()
	for _, ext := range []string{"\xc7\x00\x05", "\xd4\x05\xdf", "\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00", "\xc7\x02\x80\xdf\xc1"} {
		src := "\x83\xa7unknown" + ext + "\xa2id\x07\xa5other" + ext
		var got order
		if err := codec.Msgpack().Decode([]byte(src), &got); err != nil {
			t.Errorf("% x: %v", ext, err)
		}
		equal(t, got, order{ID: 7})
	}
}
