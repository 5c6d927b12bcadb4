package main

import (
	"encoding/hex"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"time"

	shamaton "github.com/shamaton/msgpack/v3"
	"github.com/tinylib/msgp/msgp"
	"github.com/vmihailenco/msgpack/v5"
)

// inGo makes a peer's program of two functions.
func inGo(module string, encode func(any) ([]byte, error), decode func([]byte) (any, error)) func([][]byte) answers {
	write := func(v any) (s string) {
		defer func() {
			if p := recover(); p != nil {
				s = fmt.Sprintf("!panic: %v", p)
			}
		}()
		b, err := encode(v)
		if err != nil {
			return message(err)
		}
		return hex.EncodeToString(b)
	}
	read := func(b []byte) (v any, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return decode(b)
	}
	return func(values [][]byte) answers {
		a := answers{version: moduleVersion(module)}
		for _, b := range values {
			if v, err := read(b); err != nil {
				a.values = append(a.values, answer{arrived: message(err)})
			} else {
				a.values = append(a.values, answer{showGoLib(v), write(v)})
			}
		}
		for _, w := range writtenInGo() {
			a.written = append(a.written, writing{w.name, write(w.v)})
		}
		return a
	}
}

func message(err error) string {
	return "!" + strings.Join(strings.Fields(err.Error()), " ")
}

func showGoLib(v any) string {
	if e, ok := v.(*msgp.RawExtension); ok {
		return extension(int(e.Type), e.Data)
	}
	return showGo(v)
}

func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "unknown"
}

var (
	vmihailenco = inGo("github.com/vmihailenco/msgpack/v5", msgpack.Marshal, func(b []byte) (v any, err error) {
		err = msgpack.Unmarshal(b, &v)
		return v, err
	})
	tinylib = inGo("github.com/tinylib/msgp", func(v any) ([]byte, error) { return msgp.AppendIntf(nil, v) }, func(b []byte) (any, error) {
		v, rest, err := msgp.ReadIntfBytes(b)
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("%d bytes left over", len(rest))
		}
		return v, err
	})
	shamatonV3 = inGo("github.com/shamaton/msgpack/v3", shamaton.Marshal, func(b []byte) (v any, err error) {
		err = shamaton.Unmarshal(b, &v)
		return v, err
	})
)

type named struct {
	name string
	v    any
}

func writtenInGo() []named {
	var out []named
	for _, n := range []int64{0, 127, 128, 255, 256, 65535, 65536, 1 << 31, 1<<32 - 1, 1 << 32, 1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64,
		-1, -32, -33, -128, -129, -32768, -32769, -1 << 31, -1<<31 - 1, math.MinInt64} {
		out = append(out, named{fmt.Sprintf("int %d", n), n})
	}
	for _, n := range []uint64{1 << 63, math.MaxUint64} {
		out = append(out, named{fmt.Sprintf("int %d", n), n})
	}
	return append(out, []named{
		{"milliseconds", int64(1700000000000)},
		{"float 5", 5.0},
		{"float -0", math.Copysign(0, -1)},
		{"float 0.1", 0.1},
		{"float 1e+300", 1e300},
		{"float 1e+16", 1e16},
		{"float inf", math.Inf(1)},
		{"float nan", math.NaN()},
		{"price", 5.0},
		{"small float", float32(0.1)},
		{"nil", nil},
		{"true", true},
		{"text", "hé"},
		{"empty text", ""},
		{"text of 300", strings.Repeat("t", 300)},
		{"bin", []byte{0, 255}},
		{"empty bin", []byte{}},
		{"list", []any{1, 2}},
		{"empty list", []any{}},
		{"map", map[string]any{"k": 7}},
		{"empty map", map[string]any{}},
		{"int keys", map[int64]string{1: "x"}},
		{"int to int", map[int64]int64{1: 2}},
		{"time", time.Unix(1577836800, 500000000)},
		{"time 1969", time.Unix(-2, 500000000)},
		{"time 2600", time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"record", struct {
			Name  string
			Grade float64
			Tags  []string
		}{Name: "Ada", Grade: 1}},
	}...)
}
