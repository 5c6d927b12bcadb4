package jsonpack_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/jsonpack"
	"github.com/shmq/shmq/internal/wire"
)

func float(f float64) string { return string(wire.AppendFloat64(nil, f)) }

func TestEachRecordBecomesOneLineOfJSON(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		"\xc0": "null", "\xc2": "false", "\xc3": "true",
		"\x7f": "127", "\xe0": "-32", "\xd1\x00\x05": "5",
		"\xcf\xff\xff\xff\xff\xff\xff\xff\xff": "18446744073709551615",
		"\xd3\x80\x00\x00\x00\x00\x00\x00\x00": "-9223372036854775808",

		float(1): "1.0", float(0.1): "0.1", float(100): "100.0", float(-2.5): "-2.5",
		float(1e20): "100000000000000000000.0", float(1e21): "1e+21", float(1e300): "1e+300",
		float(1e-6): "0.000001", float(1.5e-7): "1.5e-07", float(5e-324): "5e-324",
		float(0): "0.0", float(math.Copysign(0, -1)): "-0.0",
		float(math.NaN()): "null", float(math.Inf(1)): "null", float(math.Inf(-1)): "null",
		"\xca\x3d\xcc\xcc\xcd": "0.1", "\xca\x7f\x7f\xff\xff": "3.4028235e+38", "\xca\x7f\xc0\x00\x00": "null",

		"\xa0":                            `""`,
		"\xa6\"\\/<>&":                    `"\"\\/<>&"`,
		"\xa5\n\r\t\x00\x1f":              `"\n\r\t\u0000\u001f"`,
		"\xa9\x7f\u00e9\u20ac\u2028":      "\"\x7f\u00e9\u20ac\u2028\"",
		"\xa5a\xff\xc3\x28\xe2":           `{"bin":"Yf/DKOI="}`,
		"\xa3\xef\xbf\xbd":                "\"\ufffd\"",
		"\xc4\x00":                        `{"bin":""}`,
		"\xc4\x04\xff\xfe\x00\x01":        `{"bin":"//4AAQ=="}`,
		"\x92\x01\x92\x90\x80":            `[1,[[],{}]]`,
		"\x83\xa1b\x01\xa1a\x02\xa1b\x03": `{"b":1,"a":2,"b":3}`,

		"\xd6\xff\x00\x00\x00\x01":                                     `"1970-01-01T00:00:01Z"`,
		"\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x01":                     `"1970-01-01T00:00:01.000000001Z"`,
		"\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xf1\x86\x8b\x84\x00": `"0000-01-01T00:00:00Z"`,
		"\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xf1\x86\x8b\x83\xff": `{"type":-1,"data":"AAAAAP////GGi4P/"}`,
		"\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x3a\xff\xf4\x41\x7f": `"9999-12-31T23:59:59Z"`,
		"\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x3a\xff\xf4\x41\x80": `{"type":-1,"data":"AAAAAAAAADr/9EGA"}`,
		"\xc7\x0c\xff\x3b\x9a\xca\x00\x00\x00\x00\x00\x00\x00\x00\x00": `{"type":-1,"data":"O5rKAAAAAAAAAAAA"}`,
		"\xd4\xff\x00":     `{"type":-1,"data":"AA=="}`,
		"\xc7\x00\x05":     `{"type":5,"data":""}`,
		"\xd5\x80\x00\x01": `{"type":-128,"data":"AAE="}`,

		"\x81\xc4\x02k\n\xc4\x01v":  `{"k\n":{"bin":"dg=="}}`,
		"\x81\x81\xc4\x01k\x01\x02": `{"{\"k\":1}":2}`,
		"\x81\xc4\x02\xffk\x01":     `{"{\"bin\":\"/2s=\"}":1}`,
		"\x81\xc4\x00\x01":          `{"":1}`,
		"\x88\x01a\xffb\xc0c\xc3d\xc4\x01\xffe\xd6\xff\x00\x00\x00\x01f" + float(0.5) + "g\xca\x7f\xc0\x00\x00h": `{"1":97,"-1":98,"null":99,"true":100,"{\"bin\":\"/w==\"}":101,"1970-01-01T00:00:01Z":102,"0.5":103,"null":104}`,
		"\x81\x92\x01\xa1x\x01":                `{"[1,\"x\"]":1}`,
		"\x81\x81\xa1k\xa1\n\x01":              `{"{\"k\":\"\\n\"}":1}`,
		"\x81\xd4\x05\x00\x01":                 `{"{\"type\":5,\"data\":\"AA==\"}":1}`,
		"\x81\x81\x01\x02\x81\x81\x03\x04\x05": `{"{\"1\":2}":{"{\"3\":4}":5}}`,
		"\x81\x81\x81\x01\x02\x03\x04":         `{"{\"gQEC\":3}":4}`,
		"\x81\x91\x91\x81\x90\x01\x02":         `{"[[{\"kA==\":1}]]":2}`,
	} {
		got, err := jsonpack.AppendJSON([]byte("head"), []byte(record))
		if err != nil || string(got) != "head"+want {
			t.Errorf("% x: got %s, %v, want %s", record, got, err, want)
		}
		if !json.Valid([]byte(want)) {
			t.Errorf("the test wants %s, which is not JSON", want)
		}
	}
}

func TestARecordThatIsNotMsgpackIsNotPrinted(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]error{
		"":                     codec.ErrMalformed,
		"\xc1":                 codec.ErrMalformed,
		"\x92\x01":             codec.ErrMalformed,
		"\xdd\xff\xff\xff\xff": codec.ErrMalformed,
		"\x01\x02":             codec.ErrTrailing,
		strings.Repeat("\x91", codec.MaxDepth+1) + "\x01": codec.ErrTooDeep,
	} {
		got, err := jsonpack.AppendJSON([]byte("head"), []byte(record))
		if !errors.Is(err, want) || string(got) != "head" {
			t.Errorf("%.20q: got %q, %v, want %v", record, got, err, want)
		}
	}
}

// Were keys in keys quoted at every level, this would not fit any memory.
func TestKeysInsideKeysDoNotMultiply(t *testing.T) {
	t.Parallel()
	levels := codec.MaxDepth
	record := strings.Repeat("\x81", levels) + strings.Repeat("\x01", levels+1)
	got, err := jsonpack.AppendJSON(nil, []byte(record))
	if err != nil || len(got) > 4*len(record) || !json.Valid(got) {
		t.Errorf("got %d bytes, %v: %.80s", len(got), err, got)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	records, err := pack(b, strings.NewReader(ordinary))
	if err != nil {
		b.Fatal(err)
	}
	var src [][]byte
	size := 0
	for _, r := range records {
		src = append(src, []byte(r))
		size += len(r)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		for _, r := range src {
			if buf, err = jsonpack.AppendJSON(buf[:0], r); err != nil {
				b.Fatal(err)
			}
		}
	}
}
