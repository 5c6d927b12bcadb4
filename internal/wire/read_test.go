package wire_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/shmq/shmq/internal/wire"
)

// readers are given each form of value; each has to read what Parse says it is for, and
// leave all else.
func TestReadersReadWhatParseReads(t *testing.T) {
	t.Parallel()
	var values [][]byte
	for _, s := range []string{
		"\x00", "\x7f", "\xe0", "\xff", "\xcc\x80", "\xcd\x01\x00", "\xce\x00\x01\x00\x00", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00",
		"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
		"\xd0\x80", "\xd0\x05", "\xd1\x80\x00", "\xd2\x80\x00\x00\x00", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "\xd3\x00\x00\x00\x00\x00\x00\x00\x05",
		"\xc0", "\xc1", "\xc2", "\xc3", "\xca\x3f\x80\x00\x00", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
		"\xa0", "\xa3abc", "\xbf" + strings.Repeat("x", 31), "\xd9\x20" + strings.Repeat("x", 32), "\xda\x01\x00" + strings.Repeat("x", 256), "\xdb\x00\x00\x00\x01x",
		"\xc4\x01x", "\xd4\x05x", "\x80", "\x8f", "\xde\x01\x00", "\xdf\x00\x00\x00\x01", "\x90", "\xdc\x00\x01",
	} {
		values = append(values, []byte(s))
	}
	for _, b := range values {
		for n := range len(b) + 1 {
			src := b[:n:n]
			token, err := wire.Parse(src)
			isInt := err == nil && (token.Kind == wire.Int || token.Kind == wire.Uint && token.Num <= math.MaxInt64)
			isUint := err == nil && (token.Kind == wire.Uint || token.Kind == wire.Int && int64(token.Num) >= 0)
			i, size := wire.ReadInt(src)
			expect(t, "ReadInt", src, size, token, isInt, uint64(i) == token.Num)
			u, size := wire.ReadUint(src)
			expect(t, "ReadUint", src, size, token, isUint, u == token.Num)
			f, size := wire.ReadFloat64(src)
			expect(t, "ReadFloat64", src, size, token, err == nil && token.Kind == wire.Float64, math.Float64bits(f) == token.Num)
			v, size := wire.ReadBool(src)
			expect(t, "ReadBool", src, size, token, err == nil && token.Kind == wire.Bool, v == (token.Num == 1))
			head, size := wire.ReadStr(src)
			expect(t, "ReadStr", src, size, token, err == nil && token.Kind == wire.Str && token.Head < 5, head == int(token.Head))
			pairs, size := wire.ReadMap(src)
			expect(t, "ReadMap", src, size, token, err == nil && token.Kind == wire.Map && token.Head < 5, uint64(pairs) == token.Num)
		}
	}
}

func expect(t *testing.T, name string, src []byte, size int, token wire.Token, reads, right bool) {
	t.Helper()
	switch {
	case reads && (size != token.Size() || !right):
		t.Errorf("%s of % x: size %d, want %d, or another value than %d", name, src, size, token.Size(), token.Num)
	case !reads && size != 0:
		t.Errorf("%s of % x takes %d bytes of what is none", name, src, size)
	}
}

func TestTimesAreWrittenInTheFewestBytesAndReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at   time.Time
		size int
	}{
		{time.Unix(0, 0), 6}, {time.Unix(math.MaxUint32, 0), 6}, {time.Unix(math.MaxUint32+1, 0), 10}, {time.Unix(1, 1), 10},
		{time.Unix(0, 999_999_999), 10}, {time.Unix(1<<34-1, 5), 10}, {time.Unix(1<<34, 0), 15}, {time.Unix(-1, 0), 15},
		{time.Unix(-1, 5), 15}, {time.Time{}, 15}, {time.Date(9999, 1, 1, 0, 0, 0, 1, time.UTC), 15},
	} {
		b := wire.AppendTime(nil, c.at)
		token := parse(t, b)
		sec, nsec, ok := wire.Time(token.Payload(b))
		if token.Type != wire.TimeType || len(b) != c.size || !ok || !time.Unix(sec, int64(nsec)).Equal(c.at) {
			t.Errorf("%v: % x, read as %d.%09d, %v", c.at, b, sec, nsec, ok)
		}
	}
	for _, n := range []int{0, 1, 2, 3, 5, 9, 11, 13, 16} {
		if _, _, ok := wire.Time(make([]byte, n)); ok {
			t.Errorf("%d bytes are a time", n)
		}
	}
}

func TestStringsAndFloatsAreWrittenAsBytesAre(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 31, 32, 255, 256, 65535, 65536} {
		s := strings.Repeat("s", n)
		if got, want := wire.AppendString(nil, s), wire.AppendStr(nil, []byte(s)); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: % x, want % x", n, got[:min(8, len(got))], want[:min(8, len(want))])
		}
	}
	if got := string(wire.AppendFloat32(nil, 1.5)); got != "\xca\x3f\xc0\x00\x00" {
		t.Errorf("1.5 is % x", got)
	}
}

func TestWalkFindsTheFirstExtAndCountsTheLevelsAround(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]int{"\x01": 1, "\x92\x01\xd4\x05x": 2, "\x92\xd4\x05x\xd4\x06x": 1, "\x81\xa1k\xc7\x00\x05": 3, "\xc4\x02\xd4\x05": 4} {
		n, ext, err := wire.Walk([]byte(src+"rest"), 0)
		if err != nil || n != len(src) || ext != want && !(want == len(src) && ext == len(src)+4) {
			t.Errorf("% x: length %d, ext at %d, %v; want %d", src, n, ext, err, want)
		}
	}
	if _, _, err := wire.Walk([]byte("\x91\x01"), wire.MaxDepth-1); err != nil {
		t.Error(err)
	}
	if _, _, err := wire.Walk([]byte("\x91\x91\x01"), wire.MaxDepth-1); err != wire.ErrDepth {
		t.Errorf("got %v, want ErrDepth", err)
	}
}
