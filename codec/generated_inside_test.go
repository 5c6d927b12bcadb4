package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/wire"
)

// generated has methods as msgp generates them, for tags that reflection does not
// look at.
type generated struct {
	N int    `msg:"n"`
	S string `msg:"s"`
}

func (g *generated) MarshalMsg(dst []byte) ([]byte, error) {
	dst = wire.AppendMapHeader(dst, 2)
	dst = wire.AppendInt(wire.AppendStr(dst, []byte("n")), int64(g.N))
	return wire.AppendStr(wire.AppendStr(dst, []byte("s")), []byte(g.S)), nil
}

func (g *generated) UnmarshalMsg(src []byte) ([]byte, error) {
	take := func() wire.Token {
		t, err := wire.Parse(src)
		if err != nil {
			panic(err)
		}
		src = src[t.Size():]
		return t
	}
	if t := take(); t.Kind != wire.Map {
		return src, errRefused
	} else {
		for range t.Num {
			at := src
			name := string(take().Payload(at))
			at = src
			switch t := take(); {
			case name == "n" && (t.Kind == wire.Uint || t.Kind == wire.Int):
				g.N = int(t.Num)
			case name == "s" && t.Kind == wire.Str:
				g.S = string(t.Payload(at))
			default:
				return src, errRefused
			}
		}
	}
	return src, nil
}

const generatedBytes = "\x82\xa1n\x05\xa1s\xa1x"

// around is generated wherever a value can stand.
type around struct {
	X generated
	P *generated
	L []generated
	A [1]generated
	M map[string]generated
	Q map[string]*generated
	K map[int][]*generated
}

func TestGeneratedMethodsEncodeAndDecodeAValueWhereverItStands(t *testing.T) {
	t.Parallel()
	g := generated{5, "x"}
	c := codec.Msgpack()
	value, pointer, list, boxed := any(g), any(&g), any([]generated{g}), any([]any{g, &g, map[string]any{"k": g}})
	typed := around{g, &g, []generated{g}, [1]generated{g}, map[string]generated{"k": g}, map[string]*generated{"k": &g}, map[int][]*generated{1: {&g}}}
	const b = generatedBytes
	for _, v := range []struct {
		name string
		from any
		want string
	}{
		{"in any", &value, b},
		{"pointer in any", &pointer, b},
		{"list in any", &list, "\x91" + b},
		{"in lists and maps of any", &boxed, "\x93" + b + b + "\x81\xa1k" + b},
		{"everywhere", &typed, "\x87\xa1X" + b + "\xa1P" + b + "\xa1L\x91" + b + "\xa1A\x91" + b + "\xa1M\x81\xa1k" + b + "\xa1Q\x81\xa1k" + b + "\xa1K\x81\x01\x91" + b},
	} {
		got, err := c.Append(nil, v.from)
		if err != nil || string(got) != v.want {
			t.Errorf("%s: got %q, %v, want %q", v.name, got, err, v.want)
		}
	}
	var got around
	if err := c.Decode(encode(t, &typed), &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, typed)

	var wrap struct{ X generated }
	if err := c.Decode([]byte("\x81\xa1X\x81\xa1n\x05"), &wrap); err != nil {
		t.Fatal(err)
	}
	equal(t, wrap.X.N, 5)
}

func TestGeneratedMethodsInsideARecordGetTheirValueOnly(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	var got struct {
		A reading
		B int
	}
	if err := c.Decode([]byte("\x82\xa1A\xa1x\xa1B\x07"), &got); err != nil || got.A.Name != "x" || got.B != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	for src, want := range map[string]error{
		"\x82\xa1A\xa5leave\xa1B\x07":        codec.ErrTrailing,
		"\x82\xa1A\x01\xa1B\x07":             errRefused,
		"\x82\xa1A\xa5panic\xa1B\x07":        codec.ErrMismatch,
		"\x81\xa1A\x91\xdb\xff\xff\xff\xffx": codec.ErrMalformed,
		"\x81\xa1A" + nested(codec.MaxDepth): codec.ErrTooDeep,
	} {
		if err := c.Decode([]byte(src), &got); !errors.Is(err, want) {
			t.Errorf("% x: got %v, want %v", src[:min(len(src), 16)], err, want)
		}
	}
}

// The output of an EncodeMsgpack method goes between that of a plan.
type custom struct{ N int }

func (c *custom) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeMulti(&generatedLike{c.N}) }
func (c *custom) DecodeMsgpack(d *msgpack.Decoder) error {
	var g generatedLike
	err := d.Decode(&g)
	c.N = g.N
	return err
}

type generatedLike struct{ N int }

// raw makes and takes the bytes of a value.
type raw struct{ b byte }

func (r raw) MarshalMsgpack() ([]byte, error) { return []byte{0x92, r.b, 0xc0}, nil }
func (r *raw) UnmarshalMsgpack(b []byte) error {
	if len(b) != 3 {
		return errRefused
	}
	r.b = b[1]
	return nil
}

func TestMethodsOfTheMsgpackLibraryAreUsedWhereverAValueStands(t *testing.T) {
	t.Parallel()
	type all struct {
		A int
		C custom
		P *custom
		L []custom
		R raw
		M map[string]raw
		I any
		Z int
	}
	v := all{1, custom{2}, &custom{3}, []custom{{4}, {5}}, raw{6}, map[string]raw{"k": {7}}, custom{8}, 9}
	b := encode(t, &v)
	want := "\x88\xa1A\x01\xa1C\x81\xa1N\x02\xa1P\x81\xa1N\x03\xa1L\x92\x81\xa1N\x04\x81\xa1N\x05" +
		"\xa1R\x92\x06\xc0\xa1M\x81\xa1k\x92\x07\xc0\xa1I\x81\xa1N\x08\xa1Z\x09"
	equal(t, string(b), want)
	got, inAny := all{}, map[string]any{"N": int8(8)}
	if err := codec.Msgpack().Decode(b, &got); err != nil {
		t.Fatal(err)
	}
	v.I = inAny
	equal(t, got, v)
	if !bytes.Equal(encode(t, &v), b) {
		t.Error("a second encoding differs")
	}
}
