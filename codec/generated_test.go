package codec_test

import (
	"errors"
	"testing"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/wire"
)

// reading has the methods that msgp would generate, shortened: one string,
// with a prefix that shows which way it was encoded.
type reading struct {
	Name string
	Old  int
}

var errRefused = errors.New("refused")

func (r *reading) MarshalMsg(dst []byte) ([]byte, error) {
	if r.Name == "refuse" {
		return nil, errRefused
	}
	return wire.AppendStr(dst, []byte("by method: "+r.Name)), nil
}

func (r *reading) UnmarshalMsg(src []byte) ([]byte, error) {
	t, err := wire.Parse(src)
	if err != nil || t.Kind != wire.Str {
		return src, errRefused
	}
	r.Name = string(t.Payload(src))
	if r.Name == "panic" {
		panic("by method")
	}
	if r.Name == "leave" {
		return src, nil
	}
	return src[t.Size():], nil
}

func TestATypeWithGeneratedMethodsIsEncodedByThem(t *testing.T) {
	t.Parallel()
	r := reading{Name: "x"}
	p := &r
	for name, v := range map[string]any{"value": &r, "pointer": &p} {
		b, err := codec.Msgpack().Append([]byte("head"), v)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(b), "head\xacby method: x"; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	b, err := codec.Msgpack().Append([]byte("head"), &reading{Name: "refuse"})
	if !errors.Is(err, errRefused) || string(b) != "head" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestATypeWithGeneratedMethodsIsDecodedByThem(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	got := reading{Old: 7}
	if err := c.Decode([]byte("\xa1x"), &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, reading{Name: "x"})
	var p *reading
	if err := c.Decode([]byte("\xa1x"), &p); err != nil {
		t.Fatal(err)
	}
	equal(t, p, &reading{Name: "x"})

	for src, want := range map[string]error{
		"\xc1":              codec.ErrMalformed,
		"\xa1x\xa1y":        codec.ErrTrailing,
		"\xa5leave":         codec.ErrTrailing,
		"\x01":              errRefused,
		"\xa5panic":         codec.ErrMismatch,
		"\xdb\xff\xff\xffx": codec.ErrMalformed,
	} {
		got, p = reading{Old: 7}, &reading{}
		if err := c.Decode([]byte(src), &got); !errors.Is(err, want) {
			t.Errorf("% x: got %v, want %v", src, err, want)
		}
		if err := c.Decode([]byte(src), &p); !errors.Is(err, want) {
			t.Errorf("% x into a pointer: got %v, want %v", src, err, want)
		}
		equal(t, got, reading{})
		equal(t, p, nil)
	}
}

func TestANilPointerToAGeneratedTypeIsNilInTheRecord(t *testing.T) {
	t.Parallel()
	var p *reading
	b, err := codec.Msgpack().Append(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, b, []byte{0xc0})
	p = &reading{}
	if err := codec.Msgpack().Decode(b, &p); err != nil {
		t.Fatal(err)
	}
	equal(t, p, nil)
}
