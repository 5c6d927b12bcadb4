package wire_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/shmq/shmq/internal/wire"
)

// The bytes below are worked out by hand from the msgpack specification.
func TestEachFormIsReadAsTheSpecificationSays(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return string(bytes.Repeat([]byte("x"), n)) }
	for _, c := range []struct {
		name  string
		src   string
		token wire.Token
	}{
		{"positive fixint low", "\x00", wire.Token{Kind: wire.Uint, Head: 1}},
		{"positive fixint high", "\x7f", wire.Token{Kind: wire.Uint, Head: 1, Num: 127}},
		{"negative fixint low", "\xe0", wire.Token{Kind: wire.Int, Head: 1, Num: neg(32)}},
		{"negative fixint high", "\xff", wire.Token{Kind: wire.Int, Head: 1, Num: neg(1)}},
		{"uint8", "\xcc\xff", wire.Token{Kind: wire.Uint, Head: 2, Num: 255}},
		{"uint16", "\xcd\x01\x00", wire.Token{Kind: wire.Uint, Head: 3, Num: 256}},
		{"uint32", "\xce\x00\x01\x00\x00", wire.Token{Kind: wire.Uint, Head: 5, Num: 65536}},
		{"uint64", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", wire.Token{Kind: wire.Uint, Head: 9, Num: math.MaxUint64}},
		{"int8", "\xd0\x80", wire.Token{Kind: wire.Int, Head: 2, Num: neg(128)}},
		{"int8 positive", "\xd0\x05", wire.Token{Kind: wire.Int, Head: 2, Num: 5}},
		{"int16", "\xd1\x80\x00", wire.Token{Kind: wire.Int, Head: 3, Num: neg(32768)}},
		{"int32", "\xd2\x80\x00\x00\x00", wire.Token{Kind: wire.Int, Head: 5, Num: neg(1 << 31)}},
		{"int64", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", wire.Token{Kind: wire.Int, Head: 9, Num: 1 << 63}},
		{"nil", "\xc0", wire.Token{Kind: wire.Nil, Head: 1}},
		{"false", "\xc2", wire.Token{Kind: wire.Bool, Head: 1}},
		{"true", "\xc3", wire.Token{Kind: wire.Bool, Head: 1, Num: 1}},
		{"float32 of 1", "\xca\x3f\x80\x00\x00", wire.Token{Kind: wire.Float32, Head: 5, Num: 0x3f800000}},
		{"float64 of 1", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", wire.Token{Kind: wire.Float64, Head: 9, Num: 0x3ff0000000000000}},
		{"fixstr", "\xa3abc", wire.Token{Kind: wire.Str, Head: 1, Num: 3}},
		{"fixstr high", "\xbf" + text(31), wire.Token{Kind: wire.Str, Head: 1, Num: 31}},
		{"str8", "\xd9\x20" + text(32), wire.Token{Kind: wire.Str, Head: 2, Num: 32}},
		{"str16", "\xda\x01\x00" + text(256), wire.Token{Kind: wire.Str, Head: 3, Num: 256}},
		{"str32", "\xdb\x00\x00\x00\x02ab", wire.Token{Kind: wire.Str, Head: 5, Num: 2}},
		{"bin8", "\xc4\x02ab", wire.Token{Kind: wire.Bin, Head: 2, Num: 2}},
		{"bin16", "\xc5\x00\x02ab", wire.Token{Kind: wire.Bin, Head: 3, Num: 2}},
		{"bin32", "\xc6\x00\x00\x00\x02ab", wire.Token{Kind: wire.Bin, Head: 5, Num: 2}},
		{"fixarray", "\x9f", wire.Token{Kind: wire.Array, Head: 1, Num: 15}},
		{"array16", "\xdc\x01\x00", wire.Token{Kind: wire.Array, Head: 3, Num: 256}},
		{"array32", "\xdd\xff\xff\xff\xff", wire.Token{Kind: wire.Array, Head: 5, Num: math.MaxUint32}},
		{"fixmap", "\x8f", wire.Token{Kind: wire.Map, Head: 1, Num: 15}},
		{"map16", "\xde\x01\x00", wire.Token{Kind: wire.Map, Head: 3, Num: 256}},
		{"map32", "\xdf\xff\xff\xff\xff", wire.Token{Kind: wire.Map, Head: 5, Num: math.MaxUint32}},
		{"fixext1", "\xd4\x05a", wire.Token{Kind: wire.Ext, Type: 5, Head: 2, Num: 1}},
		{"fixext2", "\xd5\x05ab", wire.Token{Kind: wire.Ext, Type: 5, Head: 2, Num: 2}},
		{"fixext4", "\xd6\xffabcd", wire.Token{Kind: wire.Ext, Type: -1, Head: 2, Num: 4}},
		{"fixext8", "\xd7\xff" + text(8), wire.Token{Kind: wire.Ext, Type: -1, Head: 2, Num: 8}},
		{"fixext16", "\xd8\x05" + text(16), wire.Token{Kind: wire.Ext, Type: 5, Head: 2, Num: 16}},
		{"ext8 empty", "\xc7\x00\x05", wire.Token{Kind: wire.Ext, Type: 5, Head: 3}},
		{"ext8", "\xc7\x03\x05abc", wire.Token{Kind: wire.Ext, Type: 5, Head: 3, Num: 3}},
		{"ext16", "\xc8\x00\x03\x05abc", wire.Token{Kind: wire.Ext, Type: 5, Head: 4, Num: 3}},
		{"ext32", "\xc9\x00\x00\x00\x03\x80abc", wire.Token{Kind: wire.Ext, Type: -128, Head: 6, Num: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if token := parse(t, []byte(c.src+"rest")); token != c.token || token.Size() != len(c.src) {
				t.Errorf("got %+v of %d bytes, want %+v of %d", token, token.Size(), c.token, len(c.src))
			}
			for n := range len(c.src) {
				if _, err := wire.Parse([]byte(c.src[:n])); !errors.Is(err, wire.ErrShort) {
					t.Errorf("cut to %d bytes: got %v, want ErrShort", n, err)
				}
			}
		})
	}
}

func neg(n uint64) uint64 { return -n }

func parse(t *testing.T, b []byte) wire.Token {
	t.Helper()
	token, err := wire.Parse(b)
	if err != nil {
		t.Fatalf("parse % x: %v", b[:min(len(b), 16)], err)
	}
	return token
}

func TestTheUnusedCodeIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := wire.Parse([]byte{0xc1, 0, 0, 0, 0, 0, 0, 0, 0}); !errors.Is(err, wire.ErrCode) {
		t.Errorf("got %v, want ErrCode", err)
	}
}

func TestNumbersAreWrittenInTheFewestBytesAndReadBack(t *testing.T) {
	t.Parallel()
	for n, size := range map[int64]int{
		0: 1, 127: 1, 128: 2, 255: 2, 256: 3, 65535: 3, 65536: 5, math.MaxUint32: 5,
		math.MaxUint32 + 1: 9, math.MaxInt64: 9,
		-1: 1, -32: 1, -33: 2, -128: 2, -129: 3, -32768: 3, -32769: 5,
		math.MinInt32: 5, math.MinInt32 - 1: 9, math.MinInt64: 9,
	} {
		b := wire.AppendInt(nil, n)
		if token := parse(t, b); len(b) != size || int64(token.Num) != n {
			t.Errorf("%d: % x reads as %d, want %d bytes", n, b, int64(token.Num), size)
		}
	}
	want := wire.Token{Kind: wire.Uint, Head: 9, Num: math.MaxUint64}
	if token := parse(t, wire.AppendUint(nil, math.MaxUint64)); token != want {
		t.Errorf("got %+v, want %+v", token, want)
	}
	want = wire.Token{Kind: wire.Float64, Head: 9, Num: math.Float64bits(-2.5)}
	if token := parse(t, wire.AppendFloat64(nil, -2.5)); token != want {
		t.Errorf("got %+v, want %+v", token, want)
	}
	if b := wire.AppendBool(wire.AppendBool(wire.AppendNil(nil), false), true); string(b) != "\xc0\xc2\xc3" {
		t.Errorf("nil, false, true written as % x", b)
	}
}

func TestLengthsChooseTheShortestHeader(t *testing.T) {
	t.Parallel()
	for n, heads := range map[int]struct{ str, bin, array, mapping uint8 }{
		0: {1, 2, 1, 1}, 15: {1, 2, 1, 1}, 16: {1, 2, 3, 3}, 31: {1, 2, 3, 3}, 32: {2, 2, 3, 3}, 255: {2, 2, 3, 3},
		256: {3, 3, 3, 3}, 65535: {3, 3, 3, 3}, 65536: {5, 5, 5, 5},
	} {
		body := bytes.Repeat([]byte("y"), n)
		check := func(b []byte, kind wire.Kind, head uint8) {
			t.Helper()
			token := parse(t, b)
			if want := (wire.Token{Kind: kind, Head: head, Num: uint64(n)}); token != want {
				t.Errorf("got %+v, want %+v", token, want)
			}
			if !token.Container() && !bytes.Equal(token.Payload(b), body) {
				t.Errorf("payload of %+v differs", token)
			}
		}
		check(wire.AppendStr(nil, body), wire.Str, heads.str)
		check(wire.AppendBin(nil, body), wire.Bin, heads.bin)
		check(wire.AppendArrayHeader(nil, n), wire.Array, heads.array)
		check(wire.AppendMapHeader(nil, n), wire.Map, heads.mapping)
	}
}
