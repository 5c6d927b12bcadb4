package codec_test

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/codec"
)

type order struct {
	ID       uint64  `msgpack:"id"`
	Symbol   string  `msgpack:"symbol"`
	Side     int8    `msgpack:"side"`
	Price    float64 `msgpack:"price"`
	Quantity int64   `msgpack:"qty"`
	Live     bool    `msgpack:"live"`
	Venue    string  `msgpack:"venue"`
	Payload  []byte  `msgpack:"payload"`
}

func someOrder() order {
	return order{
		ID: 1 << 40, Symbol: "ACME", Side: -1, Price: 101.25, Quantity: 300, Live: true,
		Venue: "north", Payload: []byte{0, 1, 2, 3},
	}
}

// encode appends v to nothing.
func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := codec.Msgpack().Append(nil, v)
	if err != nil {
		t.Fatalf("encode %T: %v", v, err)
	}
	if err := codec.Check(b); err != nil {
		t.Fatalf("encode %T makes % x: %v", v, b, err)
	}
	return b
}

func equal[T any](t testing.TB, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestAStructComesBackEqual(t *testing.T) {
	t.Parallel()
	want := someOrder()
	var got order
	if err := codec.Msgpack().Decode(encode(t, &want), &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
}

func TestEncodingAppendsWhatTheMsgpackLibraryReads(t *testing.T) {
	t.Parallel()
	want := someOrder()
	b, err := codec.Msgpack().Append([]byte("head"), &want)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, string(b[:4]), "head")
	var got order
	if err := msgpack.Unmarshal(b[4:], &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
}

func TestDecodingForgetsWhatTheValueHeldBefore(t *testing.T) {
	t.Parallel()
	type inner struct {
		Names []string
		Tags  map[string]string
		Grid  [3]int
		Any   any
		Data  []byte
	}
	old := inner{[]string{"a"}, map[string]string{"k": "v"}, [3]int{1, 2, 3}, 7, []byte("old data")}
	for name, record := range map[string]any{
		"empty map": map[string]any{},
		"all nil":   map[string]any{"Names": nil, "Tags": nil, "Grid": nil, "Any": nil, "Data": nil},
	} {
		v, data := old, old.Data
		if err := codec.Msgpack().Decode(encode(t, &record), &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		equal(t, v, inner{})
		equal(t, string(data), "old data")
	}
	v := old
	if err := codec.Msgpack().Decode(encode(t, &map[string][]byte{"Data": []byte("new")}), &v); err != nil {
		t.Fatal(err)
	}
	equal(t, v, inner{Data: []byte("new")})
	equal(t, string(old.Data), "old data")
}

func TestDecodedValuesDoNotReferToTheRecord(t *testing.T) {
	t.Parallel()
	type all struct {
		S     string
		B     []byte
		Names []string
		Map   map[string]string
		Any   any
		Deep  map[string]any
		Raw   msgpack.RawMessage
	}
	want := all{
		S: "text", B: []byte("bytes"), Names: []string{"one", "two"}, Map: map[string]string{"key": "value"},
		Any: []any{"x", []byte("y")}, Deep: map[string]any{"k": map[string]any{"l": "m"}}, Raw: []byte("\xa3raw"),
	}
	src := encode(t, &want)
	c := codec.Msgpack()
	var got all
	if err := c.Decode(src, &got); err != nil {
		t.Fatal(err)
	}
	scribble(src)
	other := strings.Repeat("other", 10)
	if err := c.Decode(encode(t, &other), new(string)); err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
}

func scribble(b []byte) {
	for i := range b {
		b[i] = 0xc1
	}
}

func TestAFailedDecodeLeavesAZeroValueAndAUsableCodec(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	for name, src := range map[string]string{
		"malformed":            "\xc1",
		"cut":                  "\x81\xa2id",
		"trailing":             "\x80\x80",
		"string for number":    "\x82\xa6symbol\xa1x\xa2id\xa1y",
		"fraction for integer": "\x82\xa6symbol\xa1x\xa2id\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00",
		"not a map":            "\x05",
	} {
		got := someOrder()
		err := c.Decode([]byte(src), &got)
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: got error %v", name, err)
		}
		equal(t, got, order{})
		want := someOrder()
		if err := c.Decode(encode(t, &want), &got); err != nil {
			t.Fatalf("after %s: %v", name, err)
		}
		equal(t, got, want)
	}
	var got order
	if err := c.Decode([]byte("\x05"), &got); !errors.Is(err, codec.ErrMismatch) {
		t.Errorf("got %v, want ErrMismatch", err)
	}
	if err := c.Decode([]byte("\x80"), got); !errors.Is(err, codec.ErrType) {
		t.Errorf("got %v, want ErrType", err)
	}
	if err := c.Decode([]byte("\x80"), (*order)(nil)); !errors.Is(err, codec.ErrType) {
		t.Errorf("got %v, want ErrType", err)
	}
}

func TestAFailedEncodeReturnsDst(t *testing.T) {
	t.Parallel()
	v := struct {
		A string
		C chan int
	}{A: "a"}
	b, err := codec.Msgpack().Append([]byte("head"), &v)
	if err == nil {
		t.Fatal("a channel was encoded")
	}
	equal(t, string(b), "head")
}

// spiteful leaves options behind in the encoder and the decoder it is given.
type spiteful struct{}

func (*spiteful) DecodeMsgpack(d *msgpack.Decoder) error {
	d.UseLooseInterfaceDecoding(true)
	d.DisallowUnknownFields(true)
	return d.Skip()
}
func (spiteful) EncodeMsgpack(e *msgpack.Encoder) error {
	e.UseCompactInts(false)
	e.SetOmitEmpty(true)
	return e.EncodeInt(1)
}

func TestOptionsThatAValueSetsDoNotReachTheNext(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	b, err := c.Append(nil, &spiteful{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Decode(b, &spiteful{}); err != nil {
		t.Fatal(err)
	}
	b, err = c.Append(nil, &order{Quantity: 5})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, b, encode(t, &order{Quantity: 5}))
	var got any
	if err := c.Decode([]byte{0xc4, 1, 'x'}, &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, any([]byte("x")))
	if err := c.Decode([]byte("\x81\xa5other\x01"), new(order)); err != nil {
		t.Errorf("unknown key: %v", err)
	}
}

// greedy reads a value more than there is.
type greedy struct{}

func (*greedy) DecodeMsgpack(d *msgpack.Decoder) error {
	if err := d.Skip(); err != nil {
		return err
	}
	return d.Skip()
}

func TestTheEndOfARecordIsNotTheEndOfAStream(t *testing.T) {
	t.Parallel()
	err := codec.Msgpack().Decode([]byte("\xa1x"), &greedy{})
	if !errors.Is(err, codec.ErrMismatch) || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestTimesKeepTheirInstant(t *testing.T) {
	t.Parallel()
	type event struct {
		At    time.Time
		Until *time.Time
	}
	for _, at := range []time.Time{
		time.Unix(0, 0),
		time.Date(2026, 3, 1, 12, 0, 0, 987654321, time.FixedZone("", 3600)),
		time.Date(1900, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC),
		{},
	} {
		var got event
		if err := codec.Msgpack().Decode(encode(t, &event{At: at}), &got); err != nil {
			t.Fatal(err)
		}
		if !got.At.Equal(at) || got.Until != nil {
			t.Errorf("got %v, want %v", got, at)
		}
		var top time.Time
		if err := codec.Msgpack().Decode(encode(t, &at), &top); err != nil || !top.Equal(at) {
			t.Errorf("got %v, %v, want %v", top, err, at)
		}
	}
}

func TestEncodingAStructAllocatesNothing(t *testing.T) {
	c := codec.Msgpack()
	v := someOrder()
	dst := make([]byte, 0, 256)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := c.Append(dst, &v); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a record, want 0", allocs)
	}
}

func TestDecodingAStructAllocatesItsStringsAndBytesOnly(t *testing.T) {
	c := codec.Msgpack()
	v := someOrder()
	src := encode(t, &v)
	allocs := testing.AllocsPerRun(100, func() {
		if err := c.Decode(src, &v); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 3 {
		t.Errorf("%v allocations a record, want the 3 of symbol, venue and payload", allocs)
	}
}
