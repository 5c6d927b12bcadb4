package codec_test

import (
	"encoding"
	"errors"
	"math/big"
	"net/netip"
	"strings"
	"testing"

	"github.com/shmq/shmq/codec"
)

// colour is an enum with text for its values.
type colour uint8

var colours = []string{"none", "red", "blue"}

func (c colour) MarshalText() ([]byte, error) {
	if int(c) >= len(colours) {
		return nil, errRefused
	}
	return []byte(colours[c]), nil
}

func (c *colour) UnmarshalText(b []byte) error {
	for i, name := range colours {
		if name == string(b) {
			*c = colour(i)
			return nil
		}
	}
	return errRefused
}

// both has a text and a binary form.
type both struct{ s string }

func (b both) MarshalText() ([]byte, error)   { return []byte(b.s), nil }
func (b both) MarshalBinary() ([]byte, error) { return []byte("bin:" + b.s), nil }
func (b *both) UnmarshalText(p []byte) error  { b.s = string(p); return nil }
func (b *both) UnmarshalBinary(p []byte) error {
	s, ok := strings.CutPrefix(string(p), "bin:")
	if !ok {
		b.s = "half-way"
		return errRefused
	}
	b.s = s
	return nil
}

// onlyBinary has a text form for people, which it can't read.
type onlyBinary struct{ s string }

func (b onlyBinary) MarshalText() ([]byte, error)    { return []byte("<" + b.s + ">"), nil }
func (b onlyBinary) MarshalBinary() ([]byte, error)  { return []byte(b.s), nil }
func (b *onlyBinary) UnmarshalBinary(p []byte) error { b.s = string(p); return nil }

type texts struct {
	C colour
	L []colour
	A [2]colour
	K map[colour]int
	P *colour
	I *big.Int
	Z big.Int
	N netip.Addr
	B both
	O onlyBinary
}

func someTexts() texts {
	blue := colour(2)
	return texts{
		1, []colour{1, 2}, [2]colour{0, 1}, map[colour]int{1: 1}, &blue, big.NewInt(-12), *big.NewInt(34),
		netip.MustParseAddr("10.0.0.1"), both{"b"}, onlyBinary{"o"},
	}
}

func TestWhatATypeMarshalsAsTextIsText(t *testing.T) {
	t.Parallel()
	v := someTexts()
	b := encode(t, &v)
	equal(t, string(b), "\x8a\xa1C\xa3red\xa1L\x92\xa3red\xa4blue\xa1A\x92\xa4none\xa3red\xa1K\x81\xa3red\x01\xa1P\xa4blue"+
		"\xa1I\xa3-12\xa1Z\xa234\xa1N\xa810.0.0.1\xa1B\xa1b\xa1O\xc4\x01o")
	var got texts
	if err := codec.Msgpack().Decode(b, &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, v)
	boxed := any(map[string]any{"k": colour(1)})
	equal(t, string(encode(t, &boxed)), "\x81\xa1k\xa3red")
	key := map[colour]string{1: "x"}
	equal(t, string(encode(t, &key)), "\x81\xa3red\xa1x")
}

func TestTextIsReadFromBytesToo(t *testing.T) {
	t.Parallel()
	want := someTexts()
	want.O = onlyBinary{}
	var got texts
	const src = "\x89\xa1C\xc4\x03red\xa1L\x92\xc4\x03red\xc4\x04blue\xa1A\x92\xc4\x04none\xc4\x03red\xa1K\x81\xc4\x03red\x01\xa1P\xc4\x04blue" +
		"\xa1I\xc4\x03-12\xa1Z\xc4\x0234\xa1N\xc4\x0810.0.0.1\xa1B\xc4\x01b"
	if err := codec.Msgpack().Decode([]byte(src), &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
	// Records that were written before text became text.
	const old = "\x82\xa1N\xc4\x04\x0a\x00\x00\x01\xa1B\xc4\x05bin:b"
	got = texts{}
	if err := codec.Msgpack().Decode([]byte(old), &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, texts{N: want.N, B: want.B})
	// The elements of a list of bytes with methods, as bytes.
	var list []colour
	if err := codec.Msgpack().Decode([]byte("\xc4\x02\x01\x02"), &list); err != nil {
		t.Fatal(err)
	}
	equal(t, list, []colour{1, 2})
}

func TestTextThatATypeRefusesIsAMismatch(t *testing.T) {
	t.Parallel()
	var got texts
	for _, src := range []string{"\x81\xa1C\xa5green", "\x81\xa1K\x81\xa5green\x01", "\x81\xa1C\x01", "\x81\xa1N\xa1x", "\x81\xa1K\x81\xc0\x01"} {
		if err := codec.Msgpack().Decode([]byte(src), &got); !errors.Is(err, codec.ErrMismatch) {
			t.Errorf("%q: got %v, want ErrMismatch", src, err)
		}
	}
	bad := texts{C: 9}
	if b, err := codec.Msgpack().Append([]byte("head"), &bad); !errors.Is(err, errRefused) || string(b) != "head" || !strings.Contains(err.Error(), "texts.C") {
		t.Errorf("got %q, %v", b, err)
	}
}

var _ encoding.TextMarshaler = colour(0)
