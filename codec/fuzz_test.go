package codec_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/shmq/shmq/codec"
)

func seed(f *testing.F) {
	for _, g := range golden {
		f.Add([]byte(g.bytes))
	}
	for _, s := range []string{
		"", "\xc1", "\x92\x01", "\x01\x02", "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff\x01",
		nested(codec.MaxDepth), nested(codec.MaxDepth + 1),
		"\x92\xd6\xff\x00\x00\x00\x01\xd7\x00\xdf\xff\xff\xff\xff\x00\x00\x00",
		"\x81\xa1M\xc7\x08\x00\x81\xa1a\xdd\xff\xff\xff\xff",
		"\x91\xc7\x00\x00", "\x92\xd4\x80\xdf\xce\xff\xff\xff\xff", "\x81\xa2At\xc0", "\x81\x90\x01",
		"\x8e\xa1M\x80\xa1S\x80\xa1T\x80\xa1I\x01\xa1E\xa1e\xa1K\x81\x01\x02\xa1N\xa3abc\xa1B\xc4\x01x" +
			"\xa1L\x90\xa1P\x80\xa1Z\xc4\x0212\xa1F\xc4\x04four\xa1G\x91\xa1g\xa1W\x91\x80",
	} {
		f.Add([]byte(s))
	}
}

func FuzzCheckNeverPanicsAndBoundsDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		err := codec.Check(src)
		if err == nil {
			decodeBounded(t, src)
			return
		}
		if !errors.Is(err, codec.ErrMalformed) && !errors.Is(err, codec.ErrTooDeep) && !errors.Is(err, codec.ErrTrailing) {
			t.Errorf("error of no kind: %v", err)
		}
		for _, target := range targets {
			if codec.Msgpack().Decode(src, target.make()) == nil {
				t.Errorf("decoded into %s in spite of %v", target.name, err)
			}
		}
	})
}

func FuzzNextAgreesWithCheck(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		n, err := codec.Next(src)
		switch {
		case err == nil:
			if n < 1 || n > len(src) {
				t.Fatalf("length %d of %d bytes", n, len(src))
			}
			if err := codec.Check(src[:n]); err != nil {
				t.Errorf("the value that Next found: %v", err)
			}
			if err := codec.Check(src); (err == nil) != (n == len(src)) || (err != nil && !errors.Is(err, codec.ErrTrailing)) {
				t.Errorf("Next finds %d of %d bytes, Check says %v", n, len(src), err)
			}
			for cut := range min(n, 64) {
				if _, err := codec.Next(src[:cut]); err != io.ErrUnexpectedEOF {
					t.Errorf("cut to %d of %d bytes: %v", cut, n, err)
				}
			}
		case err == io.ErrUnexpectedEOF:
			if err := codec.Check(src); !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, codec.ErrMalformed) {
				t.Errorf("Next says the value is cut, Check says %v", err)
			}
		default:
			if err2 := codec.Check(src); err2 != err {
				t.Errorf("Next says %v, Check says %v", err, err2)
			}
			more := append(src[:len(src):len(src)], strings.Repeat("\x00", 16)...)
			if _, err2 := codec.Next(more); err2 != err {
				t.Errorf("Next says %v, and %v when more follows", err, err2)
			}
		}
	})
}
