package codec_test

import (
	"testing"

	"github.com/shmq/shmq/codec"
)

func BenchmarkMsgpackAppend(b *testing.B) {
	c := codec.Msgpack()
	v := someOrder()
	dst := encode(b, &v)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = c.Append(dst[:0], &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMsgpackDecode(b *testing.B) {
	c := codec.Msgpack()
	v := someOrder()
	src := encode(b, &v)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Decode(src, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	v := someOrder()
	src := encode(b, &v)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if err := codec.Check(src); err != nil {
			b.Fatal(err)
		}
	}
}
