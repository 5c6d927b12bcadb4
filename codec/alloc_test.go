package codec_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/codec"
)

type flat struct {
	A int
	B [4]int16
	C []uint32 `msgpack:",omitempty"`
	D *float64
	E time.Time
	F []byte
	G string `msgpack:",omitempty"`
	H map[string]string
	I []struct{ X, Y float32 }
	J any
	K time.Duration `msgpack:",omitempty"`
}

func TestEncodingAllocatesNothingWhereTheTypeNeedsNothing(t *testing.T) {
	f := 0.5
	v := flat{
		A: 1, C: []uint32{1, 2}, D: &f, E: time.Unix(1, 1), F: []byte("f"), G: "g", H: map[string]string{"k": "v"},
		I: []struct{ X, Y float32 }{{1, 2}}, J: "j",
	}
	m := aMeasurement()
	c, dst := codec.Msgpack(), make([]byte, 0, 512)
	for name, v := range map[string]any{"flat": &v, "empty": &flat{}, "measurement": &m} {
		if allocs := testing.AllocsPerRun(100, func() {
			if _, err := c.Append(dst, v); err != nil {
				t.Fatal(err)
			}
		}); allocs != 0 {
			t.Errorf("%s: %v allocations a record, want 0", name, allocs)
		}
	}
}

func TestDecodingAllocatesWhatTheValueHolds(t *testing.T) {
	type numbers struct {
		A int
		B [4]int16
		C float32
		D bool
		E time.Time
		F [2]struct{ X, Y uint8 }
	}
	f := 0.5
	n, m := numbers{A: 1, E: time.Unix(5, 5)}, aMeasurement()
	list, pointer := []uint64{1, 2, 3}, &f
	for _, v := range []struct {
		name string
		from any
		want float64
	}{
		{"numbers", &n, 0}, {"measurement", &m, 1}, {"list", &list, 1}, {"pointer", &pointer, 1},
	} {
		c, src, to := codec.Msgpack(), encode(t, v.from), newLike(reflect.ValueOf(v.from).Elem().Interface()).Interface()
		if allocs := testing.AllocsPerRun(100, func() {
			if err := c.Decode(src, to); err != nil {
				t.Fatal(err)
			}
		}); allocs != v.want {
			t.Errorf("%s: %v allocations a record, want %v", v.name, allocs, v.want)
		}
	}
}

// Plans are made once and shared by all codecs.
func TestManyGoroutinesUseOneType(t *testing.T) {
	t.Parallel()
	type fresh struct {
		Next  *fresh
		Name  string
		Other map[string]*fresh
	}
	want := fresh{Next: &fresh{Name: "b"}, Name: "a", Other: map[string]*fresh{"c": {Name: "d"}}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c := codec.Msgpack()
			for range 50 {
				bad := any([]any{make(chan int)})
				if _, err := c.Append(nil, &bad); !errors.Is(err, codec.ErrType) {
					t.Error(err)
				}
				b, err := c.Append(nil, &want)
				if err != nil {
					t.Error(err)
				}
				var got fresh
				if err := c.Decode(b, &got); err != nil {
					t.Error(err)
				}
				equal(t, got, want)
			}
		})
	}
	wg.Wait()
}

// point is registered with the msgpack library as an ext of its own, and money as a
// text, as a library for decimals would be.
type (
	point struct{ X, Y byte }
	money struct{ cents int }
)

func (p *point) MarshalMsgpack() ([]byte, error) { return []byte{p.X, p.Y}, nil }
func (p *point) UnmarshalMsgpack(b []byte) error {
	if len(b) != 2 {
		return errRefused
	}
	p.X, p.Y = b[0], b[1]
	return nil
}

func TestTypesThatAreRegisteredWithTheMsgpackLibraryAreLeftToIt(t *testing.T) {
	msgpack.RegisterExt(77, (*point)(nil))
	t.Cleanup(func() { msgpack.UnregisterExt(77) })
	msgpack.Register(money{}, func(e *msgpack.Encoder, v reflect.Value) error {
		return e.EncodeString("cents")
	}, func(d *msgpack.Decoder, v reflect.Value) error {
		_, err := d.DecodeString()
		v.Addr().Interface().(*money).cents = 5
		return err
	})
	type all struct {
		P point
		Q *point
		A any
		M money
		L []money
	}
	v := all{point{1, 2}, &point{3, 4}, &point{5, 6}, money{}, []money{{}}}
	b := encode(t, &v)
	equal(t, string(b), "\x85\xa1P\xd5\x4d\x01\x02\xa1Q\xd5\x4d\x03\x04\xa1A\xd5\x4d\x05\x06\xa1M\xa5cents\xa1L\x91\xa5cents")
	var got all
	if err := codec.Msgpack().Decode(b, &got); err != nil {
		t.Fatal(err)
	}
	v.M, v.L = money{5}, []money{{5}}
	equal(t, got, v)
}
