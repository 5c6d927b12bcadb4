package codec_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/shmq/shmq/codec"
)

func TestBytesAreTheRecord(t *testing.T) {
	t.Parallel()
	type name string
	c := codec.Bytes()
	text, data, raw, named := "text", []byte("data"), json.RawMessage("{}"), name("named")
	for _, v := range []struct {
		from, to any
		want     string
	}{
		{&text, new(string), "text"},
		{&data, new([]byte), "data"},
		{&raw, new(json.RawMessage), "{}"},
		{&named, new(name), "named"},
	} {
		src, err := c.Append([]byte("head"), v.from)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, string(src), "head"+v.want)
		if err := c.Decode(src[4:], v.to); err != nil {
			t.Fatal(err)
		}
		scribble(src)
		equal(t, v.to, v.from)
	}
}

func TestBytesHasNoEncodingForOtherTypes(t *testing.T) {
	t.Parallel()
	c := codec.Bytes()
	for _, v := range []any{new(int), new([]int), &struct{}{}, "no pointer", nil} {
		if b, err := c.Append([]byte("head"), v); !errors.Is(err, codec.ErrType) || string(b) != "head" {
			t.Errorf("append %T: got %q, %v", v, b, err)
		}
		if err := c.Decode([]byte("x"), v); !errors.Is(err, codec.ErrType) {
			t.Errorf("decode %T: got %v", v, err)
		}
	}
}

func TestAnEmptyRecordIsAnEmptySlice(t *testing.T) {
	t.Parallel()
	got := []byte("old")
	if err := codec.Bytes().Decode(nil, &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, []byte{})
}
