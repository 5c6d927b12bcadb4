package codec_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/wire"
)

func double(f float64) string  { return string(wire.AppendFloat64(nil, f)) }
func integer(n int64) string   { return string(wire.AppendInt(nil, n)) }
func unsigned(n uint64) string { return string(wire.AppendUint(nil, n)) }

// numbers says what becomes of a number in a field of the type of want. Where want is
// a string, that is what the error has to say.
var numbers = []struct {
	src  string
	into any // a value of the type
	want any
}{
	// Integers from 2^63 on into floats.
	{unsigned(1e19), float64(0), 1e19},
	{unsigned(1e19), float32(0), float32(1e19)},
	{unsigned(1 << 63), float64(0), 9223372036854775808.0},
	{unsigned(math.MaxUint64), float64(0), 18446744073709551616.0},
	{integer(math.MinInt64), float64(0), -9223372036854775808.0},
	{integer(-5), float32(0), float32(-5)},
	{integer(1<<53 + 1), float64(0), float64(1 << 53)},

	// Whole floats into integers.
	{double(5), int64(0), int64(5)},
	{double(-5), int8(0), int8(-5)},
	{double(1_700_000_000_123), int64(0), int64(1_700_000_000_123)},
	{double(1_700_000_000_123), uint64(0), uint64(1_700_000_000_123)},
	{"\xca\x40\xa0\x00\x00", int(0), int(5)},
	{double(math.MinInt64), int64(0), int64(math.MinInt64)},
	{double(1 << 63), uint64(0), uint64(1 << 63)},
	{double(math.Copysign(0, -1)), uint8(0), uint8(0)},
	{double(300), int8(0), "float 300 does not fit int8"},
	{double(-1), uint64(0), "float -1 does not fit uint64"},
	{double(1 << 63), int64(0), "does not fit int64"},
	{double(math.Nextafter(math.MinInt64, math.Inf(-1))), int64(0), "does not fit int64"},
	{double(18446744073709551616), uint64(0), "does not fit uint64"},
	{double(1e300), int64(0), "does not fit int64"},
	{double(5.5), int64(0), "float 5.5, want int64"},
	{double(math.NaN()), int64(0), "float NaN, want int64"},
	{double(math.Inf(1)), int64(0), "does not fit int64"},

	// Any number into a float32.
	{double(0.1), float32(0), float32(0.1)},
	{double(5), float32(0), float32(5)},
	{double(math.MaxFloat32), float32(0), float32(math.MaxFloat32)},
	{double(1e-300), float32(0), float32(0)},
	{double(math.Inf(-1)), float32(0), float32(math.Inf(-1))},
	{double(1e300), float32(0), "float 1e+300 does not fit float32"},
	{"\xca\x3f\xc0\x00\x00", float64(0), 1.5},

	// Integers that do not fit.
	{integer(300), int8(0), "300 does not fit int8"},
	{integer(-129), int8(0), "-129 does not fit int8"},
	{integer(40000), int16(0), "40000 does not fit int16"},
	{integer(1 << 31), int32(0), "2147483648 does not fit int32"},
	{unsigned(1 << 63), int64(0), "9223372036854775808 does not fit int64"},
	{unsigned(1 << 63), int(0), "9223372036854775808 does not fit int"},
	{integer(256), uint8(0), "256 does not fit uint8"},
	{integer(-1), uint8(0), "-1 does not fit uint8"},
	{integer(-1), uint16(0), "-1 does not fit uint16"},
	{integer(-1), uint32(0), "-1 does not fit uint32"},
	{integer(-1), uint64(0), "-1 does not fit uint64"},
	{integer(-1), uint(0), "-1 does not fit uint"},
	{integer(1 << 32), uint32(0), "4294967296 does not fit uint32"},
	{integer(-128), int8(0), int8(-128)},
	{integer(255), uint8(0), uint8(255)},
	{unsigned(math.MaxUint64), uint64(0), uint64(math.MaxUint64)},
	{"\xd3\x00\x00\x00\x00\x00\x00\x00\x05", uint8(0), uint8(5)}, // in more bytes than it needs

	// Values that are no numbers, and nil, which is 0.
	{"\xa15", int64(0), `"5", want int64`},
	{"\xa15", float64(0), `"5", want float64`},
	{"\xc3", int64(0), "true, want int64"},
	{"\xc3", float32(0), "true, want float32"},
	{"\x01", false, "1, want bool"},
	{"\xc0", int64(0), int64(0)},
	{"\xc0", uint8(0), uint8(0)},
	{"\xc0", float32(0), float32(0)},
	{"\xc0", float64(0), float64(0)},
	{"\xc0", false, false},
}

func TestNumbersArriveExactOrNotAtAll(t *testing.T) {
	t.Parallel()
	c := codec.Msgpack()
	for _, n := range numbers {
		typ := reflect.TypeOf(n.into)
		field := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "V", Type: typ}}))
		top := reflect.New(typ)
		list := reflect.New(reflect.SliceOf(typ))
		for where, v := range map[string]struct {
			src string
			to  reflect.Value
			got func() any
		}{
			"V":      {"\x81\xa1V" + n.src, field, func() any { return field.Elem().Field(0).Interface() }},
			"record": {n.src, top, func() any { return top.Elem().Interface() }},
			"[0]":    {"\x91" + n.src, list, func() any { return list.Elem().Index(0).Interface() }},
		} {
			if where == "[0]" && typ.Kind() == reflect.Uint8 {
				continue // a []uint8 is bytes
			}
			err := c.Decode([]byte(v.src), v.to.Interface())
			if text, ok := n.want.(string); ok {
				if !errors.Is(err, codec.ErrMismatch) || !strings.Contains(err.Error(), where+": ") || !strings.Contains(err.Error(), text) {
					t.Errorf("% x at %s: got %v, want %q", n.src, where, err, text)
				}
				continue
			}
			if err != nil {
				t.Errorf("% x at %s into %s: %v", n.src, where, typ, err)
				continue
			}
			equal(t, v.got(), n.want)
		}
	}
}
