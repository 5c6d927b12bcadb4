package codec_test

import (
	"bytes"
	"math"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shmq/shmq/codec"
)

// golden pairs values with the bytes that the msgpack specification gives them,
// worked out by hand. Each value is encoded to bytes, except where other is
// set: there the bytes are a longer form that other writers may choose.
var golden = []struct {
	name  string
	value any
	bytes string
	other bool
}{
	{name: "nil", value: nil, bytes: "\xc0"},
	{name: "false", value: false, bytes: "\xc2"},
	{name: "true", value: true, bytes: "\xc3"},
	{name: "0", value: int64(0), bytes: "\x00"},
	{name: "127", value: int64(127), bytes: "\x7f"},
	{name: "128", value: int64(128), bytes: "\xcc\x80"},
	{name: "255", value: int64(255), bytes: "\xcc\xff"},
	{name: "256", value: int64(256), bytes: "\xcd\x01\x00"},
	{name: "65535", value: int64(65535), bytes: "\xcd\xff\xff"},
	{name: "65536", value: int64(65536), bytes: "\xce\x00\x01\x00\x00"},
	{name: "2^32-1", value: int64(1<<32 - 1), bytes: "\xce\xff\xff\xff\xff"},
	{name: "2^32", value: int64(1 << 32), bytes: "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"},
	{name: "2^64-1", value: uint64(math.MaxUint64), bytes: "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
	{name: "-1", value: int64(-1), bytes: "\xff"},
	{name: "-32", value: int64(-32), bytes: "\xe0"},
	{name: "-33", value: int64(-33), bytes: "\xd0\xdf"},
	{name: "-128", value: int64(-128), bytes: "\xd0\x80"},
	{name: "-129", value: int64(-129), bytes: "\xd1\xff\x7f"},
	{name: "-32769", value: int64(-32769), bytes: "\xd2\xff\xff\x7f\xff"},
	{name: "-2^63", value: int64(math.MinInt64), bytes: "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"},
	{name: "1.5", value: 1.5, bytes: "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"},
	{name: "float32 1.5", value: float32(1.5), bytes: "\xca\x3f\xc0\x00\x00"},
	{name: "empty text", value: "", bytes: "\xa0"},
	{name: "text", value: "hé", bytes: "\xa3h\xc3\xa9"},
	{name: "text of 32", value: strings.Repeat("t", 32), bytes: "\xd9\x20" + strings.Repeat("t", 32)},
	{name: "text of 256", value: strings.Repeat("t", 256), bytes: "\xda\x01\x00" + strings.Repeat("t", 256)},
	{name: "bytes", value: []byte{0, 255}, bytes: "\xc4\x02\x00\xff"},
	{name: "bytes of 256", value: make([]byte, 256), bytes: "\xc5\x01\x00" + strings.Repeat("\x00", 256)},
	{name: "list", value: []int64{1, -1}, bytes: "\x92\x01\xff"},
	{name: "list of 16", value: make([]int64, 16), bytes: "\xdc\x00\x10" + strings.Repeat("\x00", 16)},
	{name: "map", value: map[string]int64{"k": 7}, bytes: "\x81\xa1k\x07"},
	{name: "map with number keys", value: map[int64]string{1: "x"}, bytes: "\x81\x01\xa1x"},
	{name: "struct", value: struct{ A, B int64 }{1, 2}, bytes: "\x82\xa1A\x01\xa1B\x02"},
	{name: "time in seconds", value: time.Unix(1, 0), bytes: "\xd6\xff\x00\x00\x00\x01"},
	{name: "time in nanoseconds", value: time.Unix(1, 1), bytes: "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x01"},
	{name: "time before 1970", value: time.Unix(-1, 1), bytes: "\xc7\x0c\xff\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff"},
	{name: "1 in 64 bits", value: int64(1), bytes: "\xd3\x00\x00\x00\x00\x00\x00\x00\x01", other: true},
	{name: "text with 32-bit length", value: "t", bytes: "\xdb\x00\x00\x00\x01t", other: true},
	{name: "bytes with 32-bit length", value: []byte("b"), bytes: "\xc6\x00\x00\x00\x01b", other: true},
	{name: "list with 32-bit length", value: []int64{1}, bytes: "\xdd\x00\x00\x00\x01\x01", other: true},
	{name: "map with 32-bit length", value: map[string]int64{"k": 7}, bytes: "\xdf\x00\x00\x00\x01\xa1k\x07", other: true},
	{name: "float32 for a float64", value: 1.5, bytes: "\xca\x3f\xc0\x00\x00", other: true},
}

func TestValuesHaveTheBytesOfTheSpecification(t *testing.T) {
	t.Parallel()
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			if err := codec.Check([]byte(g.bytes)); err != nil {
				t.Fatal(err)
			}
			if !g.other {
				equal(t, string(encode(t, &g.value)), g.bytes)
			}
			if g.value == nil {
				return
			}
			got := newLike(g.value)
			if err := codec.Msgpack().Decode([]byte(g.bytes), got.Interface()); err != nil {
				t.Fatal(err)
			}
			equal(t, got.Elem().Interface(), g.value)
		})
	}
}

// python runs a script with the msgpack module of Python and data as its input.
func python(t *testing.T, script string, data []byte) []byte {
	t.Helper()
	const interpreter = "/usr/bin/python3"
	if err := exec.Command(interpreter, "-c", "import msgpack").Run(); err != nil {
		t.Skipf("needs %s with the msgpack module: %v", interpreter, err)
	}
	cmd := exec.Command(interpreter, "-c", "import sys, msgpack\n"+script)
	cmd.Stdin = bytes.NewReader(data)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.Bytes())
	}
	return out
}

func TestPythonReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	type trade struct {
		ID    uint64
		Price float64
		Name  string
		Data  []byte
		Tags  []string
		Low   int64
		None  *int
		At    time.Time
	}
	record := encode(t, &trade{
		ID: math.MaxUint64, Price: 0.1, Name: "grün", Data: []byte{0, 255}, Tags: []string{"a", "b"},
		Low: math.MinInt64, At: time.Unix(1700000000, 5),
	})
	out := python(t, `
v = msgpack.unpackb(sys.stdin.buffer.read(), timestamp=0)
at = v.pop("At")
assert (at.seconds, at.nanoseconds) == (1700000000, 5), at
want = {"ID": 2**64 - 1, "Price": 0.1, "Name": "grün", "Data": b"\x00\xff", "Tags": ["a", "b"], "Low": -2**63, "None": None}
assert v == want, v
print("equal")
`, record)
	equal(t, string(out), "equal\n")
}

func TestWhatPythonWritesIsRead(t *testing.T) {
	t.Parallel()
	type trade struct {
		ID    uint64
		Price float64
		Name  string
		Data  []byte
		Tags  []string
		Low   int64
		None  *int
		At    time.Time
		Keyed map[int]string
	}
	stream := python(t, `
out = sys.stdout.buffer
for name in "one", "two":
    out.write(msgpack.packb({
        "ID": 2**64 - 1, "Price": 0.1, "Name": name, "Data": b"\x00\xff", "Tags": ["a", "b"], "Low": -2**63,
        "None": None, "At": msgpack.Timestamp(1700000000, 5), "Keyed": {7: "seven"}, "Unknown": [1, {}, None],
    }))
`, nil)
	c := codec.Msgpack()
	for _, name := range []string{"one", "two"} {
		n, err := codec.Next(stream)
		if err != nil {
			t.Fatal(err)
		}
		var got trade
		if err := c.Decode(stream[:n], &got); err != nil {
			t.Fatal(err)
		}
		equal(t, got, trade{
			ID: math.MaxUint64, Price: 0.1, Name: name, Data: []byte{0, 255}, Tags: []string{"a", "b"},
			Low: math.MinInt64, At: time.Unix(1700000000, 5), Keyed: map[int]string{7: "seven"},
		})
		stream = stream[n:]
	}
	equal(t, len(stream), 0)
}

// newLike returns a pointer to a new value of v's type.
func newLike(v any) reflect.Value {
	return reflect.New(reflect.TypeOf(v))
}
