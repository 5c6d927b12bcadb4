package codec_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/shmq/shmq/codec"
)

// nested is one byte in depth arrays.
func nested(depth int) string {
	return strings.Repeat("\x91", depth) + "\x01"
}

func TestCheckTellsARecordFromOtherBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		src  string
		want error
	}{
		{"nil", "\xc0", nil},
		{"number", "\xcd\x01\x00", nil},
		{"text that is no UTF-8", "\xa2\xff\xfe", nil},
		{"nested containers", "\x82\x01\x92\x01\x02\xa1k\x80", nil},
		{"same key twice", "\x82\x01\x01\x01\x02", nil},
		{"empty ext", "\xc7\x00\x05", nil},
		{"number in more bytes than it needs", "\xcf\x00\x00\x00\x00\x00\x00\x00\x01", nil},
		{"deepest", nested(codec.MaxDepth), nil},

		{"nothing", "", io.ErrUnexpectedEOF},
		{"unused code", "\xc1", codec.ErrMalformed},
		{"unused code inside", "\x92\x01\xc1", codec.ErrMalformed},
		{"number cut", "\xcf\x00", io.ErrUnexpectedEOF},
		{"text cut", "\xa2a", io.ErrUnexpectedEOF},
		{"header cut", "\xdb\x00\x00", io.ErrUnexpectedEOF},
		{"ext without type", "\xd4", io.ErrUnexpectedEOF},
		{"array cut", "\x92\x01", io.ErrUnexpectedEOF},
		{"map without last value", "\x81\x01", io.ErrUnexpectedEOF},
		{"4 GiB of text promised", "\xdb\xff\xff\xff\xff", io.ErrUnexpectedEOF},
		{"4 GiB of bytes promised", "\xc6\xff\xff\xff\xffx", io.ErrUnexpectedEOF},
		{"4 GiB of ext promised", "\xc9\xff\xff\xff\xff\x01x", io.ErrUnexpectedEOF},
		{"4 Gi elements promised", "\xdd\xff\xff\xff\xff\x01", io.ErrUnexpectedEOF},
		{"4 Gi pairs promised", "\xdf\xff\xff\xff\xff\x01", io.ErrUnexpectedEOF},
		{"a pair promised in one byte", "\x81\xc0", io.ErrUnexpectedEOF},
		{"too deep", nested(codec.MaxDepth + 1), codec.ErrTooDeep},
		{"too deep and empty", strings.Repeat("\x91", codec.MaxDepth) + "\x90", codec.ErrTooDeep},
		{"too deep by maps", strings.Repeat("\x81\x01", codec.MaxDepth+1) + "\x01", codec.ErrTooDeep},
		{"a million levels", nested(1e6), codec.ErrTooDeep},
		{"two values", "\x01\x02", codec.ErrTrailing},
		{"value and junk", "\x01\xc1", codec.ErrTrailing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := codec.Check([]byte(c.src))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if errors.Is(c.want, io.ErrUnexpectedEOF) && !errors.Is(err, codec.ErrMalformed) {
				t.Errorf("got %v, which is not ErrMalformed", err)
			}
		})
	}
}

func TestNextCutsAStreamIntoRecords(t *testing.T) {
	t.Parallel()
	records := []string{"\x01", "\xa3abc", "\x92\x01\x81\xa1k\xc3", "\xc7\x00\x05", "\xc4\x02\xc1\xc1", nested(codec.MaxDepth)}
	stream := []byte(strings.Join(records, ""))
	for _, want := range records {
		for n := range len(want) {
			if _, err := codec.Next(stream[:n]); err != io.ErrUnexpectedEOF {
				t.Fatalf("% x cut to %d bytes: got %v", want, n, err)
			}
		}
		n, err := codec.Next(stream)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, string(stream[:n]), want)
		stream = stream[n:]
	}
	if _, err := codec.Next(stream); err != io.ErrUnexpectedEOF {
		t.Errorf("at the end: got %v", err)
	}
	if _, err := codec.Next([]byte("\x92\x01\xc1")); !errors.Is(err, codec.ErrMalformed) || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want ErrMalformed alone", err)
	}
	if _, err := codec.Next([]byte(nested(codec.MaxDepth + 1))); !errors.Is(err, codec.ErrTooDeep) {
		t.Errorf("got %v, want ErrTooDeep", err)
	}
}

func TestCheckingAllocatesNothing(t *testing.T) {
	v := someOrder()
	good := encode(t, &v)
	for _, src := range [][]byte{good, good[:len(good)-1], append(bytes.Clone(good), 0), {0xc1}, []byte(nested(1000))} {
		allocs := testing.AllocsPerRun(100, func() {
			_ = codec.Check(src)
			_, _ = codec.Next(src)
		})
		if allocs != 0 {
			t.Errorf("% x: %v allocations", src[:min(len(src), 8)], allocs)
		}
	}
}
