package codec_test

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/shmq/shmq/codec"
)

func TestStrictTurnsNoNumberIntoAnother(t *testing.T) {
	t.Parallel()
	c := codec.MsgpackWith(codec.MsgpackOptions{Strict: true})
	for _, n := range []struct {
		src  string
		want any // or the type that refuses it
		ok   bool
	}{
		{double(5), int64(0), false},
		{"\xca\x40\xa0\x00\x00", int64(0), false},
		{integer(5), float64(0), false},
		{integer(5), float32(0), false},
		{double(0.1), float32(0), false},
		{double(1e300), float32(0), false},
		{integer(300), int8(0), false},

		{integer(5), int8(5), true},
		{double(0.5), float32(0.5), true},
		{double(math.Inf(1)), float32(math.Inf(1)), true},
		{double(0.1), 0.1, true},
		{"\xca\x3f\xc0\x00\x00", 1.5, true},
		{"\xc0", int8(0), true},
	} {
		got := newLike(n.want)
		err := c.Decode([]byte(n.src), got.Interface())
		switch {
		case !n.ok && !errors.Is(err, codec.ErrMismatch):
			t.Errorf("% x into %T: got %v, %v, want ErrMismatch", n.src, n.want, got.Elem(), err)
		case n.ok && (err != nil || !reflect.DeepEqual(got.Elem().Interface(), n.want)):
			t.Errorf("% x: got %v, %v, want %v", n.src, got.Elem(), err, n.want)
		}
	}
	var nan float32
	if err := c.Decode([]byte(double(math.NaN())), &nan); err != nil || nan == nan {
		t.Errorf("NaN: got %v, %v", nan, err)
	}
}
