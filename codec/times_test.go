package codec_test

import (
	"errors"
	"testing"
	"time"

	"github.com/shmq/shmq/codec"
)

type timed struct {
	At time.Time
	P  *time.Time
	L  []time.Time
	M  map[string]time.Time
}

func TestATimeIsReadInEachFormWhereverItStands(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_577_836_800, 5)
	whole := time.Unix(1_577_836_800, 0)
	for _, c := range []struct {
		form, src string
		want      time.Time
	}{
		{"timestamp of 4 bytes", "\xd6\xff\x5e\x0b\xe1\x00", whole},
		{"timestamp of 8 bytes", "\xd7\xff\x00\x00\x00\x14\x5e\x0b\xe1\x00", at},
		{"timestamp of 12 bytes", "\xc7\x0c\xff\x00\x00\x00\x05\x00\x00\x00\x00\x5e\x0b\xe1\x00", at},
		{"text", "\xb42020-01-01T00:00:00Z", whole},
		{"text with nanoseconds and a zone", "\xd9\x232020-01-01T01:00:00.000000005+01:00", at},
		{"bytes", "\xc4\x142020-01-01T00:00:00Z", whole},
		{"as msgp writes it", "\xc7\x0c\x05\x00\x00\x00\x00\x5e\x0b\xe1\x00\x00\x00\x00\x05", at},
		{"ext 13", "\xd6\x0d\x5e\x0b\xe1\x00", whole},
		{"pair", "\x92\xce\x5e\x0b\xe1\x00\x05", at},
	} {
		src := "\x84\xa2At" + c.src + "\xa1P" + c.src + "\xa1L\x91" + c.src + "\xa1M\x81\xa1k" + c.src
		var got timed
		if err := codec.Msgpack().Decode([]byte(src), &got); err != nil {
			t.Errorf("%s: %v", c.form, err)
			continue
		}
		for i, v := range []time.Time{got.At, *got.P, got.L[0], got.M["k"]} {
			if !v.Equal(c.want) {
				t.Errorf("%s, place %d: got %v, want %v", c.form, i, v, c.want)
			}
		}
		var top time.Time
		if err := codec.Msgpack().Decode([]byte(c.src), &top); err != nil || !top.Equal(c.want) {
			t.Errorf("%s at the top: got %v, %v, want %v", c.form, top, err, c.want)
		}
	}
	for _, src := range []string{"\xc7\x0c\x05\x00\x00\x00\x00\x5e\x0b\xe1\x00\x00\x00\x00\x05", "\xd6\xff\x5e\x0b\xe1\x00"} {
		var got any
		if err := codec.Msgpack().Decode([]byte(src), &got); err != nil {
			t.Errorf("% x into any: %v", src, err)
		} else if v, ok := got.(time.Time); !ok || v.Unix() != at.Unix() {
			t.Errorf("% x into any: got %v", src, got)
		}
	}
}

func TestTheZeroTimeComesBackAsTheZeroValue(t *testing.T) {
	t.Parallel()
	want := timed{P: &time.Time{}, L: []time.Time{{}}, M: map[string]time.Time{"k": {}}}
	got := timed{At: time.Unix(1, 1)}
	if err := codec.Msgpack().Decode(encode(t, &want), &got); err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
	boxed := any(time.Time{})
	var back any
	if err := codec.Msgpack().Decode(encode(t, &boxed), &back); err != nil || back != boxed {
		t.Errorf("in any: got %#v, %v", back, err)
	}
}

func TestWhatIsNoTimeIsAMismatch(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"\xa1x", "\xaayesterday!", "\xc0", "\x01", "\xc4\x01x", "\x91\x01", "\x92\x01\xa1x", "\x93\x01\x02\x03", "\x80",
		"\xc7\x0c\x05\x00\x00\x00\x00\x5e\x0b\xe1\x00\x3b\x9a\xca\x00", "\xc7\x0c\x05\x00\x00\x00\x00\x5e\x0b\xe1\x00\xff\xff\xff\xff",
		"\xd6\x05\x00\x00\x00\x00", "\xd4\x0d\x00", "\xd6\x06\x00\x00\x00\x00",
	} {
		for name, v := range map[string]any{"field": new(timed), "top": new(time.Time)} {
			record := src
			if name == "field" {
				record = "\x81\xa2At" + src
			}
			if err := codec.Msgpack().Decode([]byte(record), v); !errors.Is(err, codec.ErrMismatch) {
				t.Errorf("% x, %s: got %v, want ErrMismatch", src, name, err)
			}
		}
	}
}
