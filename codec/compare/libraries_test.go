package compare

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	shamaton "github.com/shamaton/msgpack/v3"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/codec"
)

// v5 is msgpack/v5 as it is fastest: an encoder and a decoder that are kept.
type v5 struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
	in  *bytes.Reader
	dec *msgpack.Decoder
}

func newV5() *v5 {
	v := &v5{in: bytes.NewReader(nil)}
	v.enc, v.dec = msgpack.NewEncoder(nil), msgpack.NewDecoder(nil)
	return v
}

func (v *v5) Append(_ []byte, p any) ([]byte, error) {
	v.buf.Reset()
	v.enc.Reset(&v.buf)
	v.enc.UseCompactInts(true)
	err := v.enc.Encode(p)
	return v.buf.Bytes(), err
}

func (v *v5) Decode(src []byte, p any) error {
	v.in.Reset(src)
	v.dec.Reset(v.in)
	return v.dec.Decode(p)
}

// byShamaton has no call that appends.
type byShamaton struct{}

func (byShamaton) Append(_ []byte, p any) ([]byte, error) { return shamaton.Marshal(p) }
func (byShamaton) Decode(src []byte, p any) error         { return shamaton.Unmarshal(src, p) }

// bare calls generated methods without any codec: nothing checks what they read.
type bare struct{}

func (bare) Append(dst []byte, p any) ([]byte, error) { return p.(*Generated).MarshalMsg(dst) }
func (bare) Decode(src []byte, p any) error {
	_, err := p.(*Generated).UnmarshalMsg(src)
	return err
}

var libraries = []struct {
	name  string
	codec codec.Codec
	value func() any
}{
	{"shmq", codec.Msgpack(), func() any { v := aMeasurement(); return &v }},
	{"vmihailenco-v5", newV5(), func() any { v := aMeasurement(); return &v }},
	{"shamaton-v3", byShamaton{}, func() any { v := aMeasurement(); return &v }},
	{"msgp-generated", bare{}, func() any { v := Generated(aMeasurement()); return &v }},
	{"shmq-generated", codec.Msgpack(), func() any { v := Generated(aMeasurement()); return &v }},
}

func TestEachLibraryReadsWhatEachOtherWrites(t *testing.T) {
	for _, from := range libraries {
		src, err := from.codec.Append(nil, from.value())
		if err != nil {
			t.Fatal(from.name, err)
		}
		src = bytes.Clone(src)
		for _, to := range libraries {
			want := to.value()
			got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
			if err := to.codec.Decode(src, got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s to %s: got %+v, %v", from.name, to.name, got, err)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, l := range libraries {
		b.Run(l.name, func(b *testing.B) {
			v := l.value()
			dst := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.codec.Append(dst, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, l := range libraries {
		b.Run(l.name, func(b *testing.B) {
			v := l.value()
			src, err := l.codec.Append(nil, v)
			if err != nil {
				b.Fatal(err)
			}
			src = bytes.Clone(src)
			b.ReportAllocs()
			for b.Loop() {
				if err := l.codec.Decode(src, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What docs/codec.md says about generated code.

func TestGeneratedTypesAreTheSameWhereverTheyStand(t *testing.T) {
	c := codec.Msgpack()
	g := Generated(aMeasurement())
	var boxed any = g
	alone, err := c.Append(nil, &g)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := c.Append(nil, &boxed); err != nil || !bytes.Equal(b, alone) {
		t.Errorf("in any: % x, %v, want % x", b, err, alone)
	}
	b, err := c.Append(nil, &Wrap{g})
	if err != nil {
		t.Fatal(err)
	}
	var got Wrap
	if err := c.Decode(b, &got); err != nil || got.X != g {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTimesOfGeneratedCodeAreRead(t *testing.T) {
	c := codec.Msgpack()
	at := time.Unix(1_700_000_000, 5)
	b, err := c.Append(nil, &Event{At: at})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte{0xc7, 12, 5}) {
		t.Fatalf("% x has no time as ext 5", b)
	}
	var got EventPlain
	if err := c.Decode(b, &got); err != nil || !got.At.Equal(at) {
		t.Errorf("got %+v, %v", got, err)
	}
	var boxed map[string]any
	if err := c.Decode(b, &boxed); err != nil || !boxed["At"].(time.Time).Equal(at) {
		t.Errorf("got %+v, %v", boxed, err)
	}
}

func TestGeneratedCodeTakesNilOnlyIfToldSo(t *testing.T) {
	c := codec.Msgpack()
	b, err := c.Append(nil, &EventPlain{At: time.Unix(1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Decode(b, &Event{}); !errors.Is(err, codec.ErrMismatch) {
		t.Errorf("got %v: msgp takes nil, docs/codec.md says otherwise", err)
	}
	var got EventAllowsNil
	if err := c.Decode(b, &got); err != nil || !got.At.Equal(time.Unix(1, 1)) {
		t.Errorf("with allownil: got %+v, %v", got, err)
	}
}

func TestGeneratedCodeTakesNoWholeNumberForAFloat(t *testing.T) {
	c := codec.Msgpack()
	b, err := c.Append(nil, &map[string]int{"value": 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Decode(b, &Generated{}); !errors.Is(err, codec.ErrMismatch) {
		t.Errorf("got %v: msgp takes integers, docs/codec.md says otherwise", err)
	}
	var got Plain
	if err := c.Decode(b, &got); err != nil || got.Value != 5 {
		t.Errorf("got %+v, %v", got, err)
	}
}
