package jsonpack_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/jsonpack"
)

// decode reads one value the way encoding/json does. Numbers become float64
// or, if they are whole and fit, int64 and uint64.
func decode(text []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	return numbers(v)
}

func numbers(v any) (any, bool) {
	ok := true
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(string(v), 10, 64); err == nil && v != "-0" {
			return i, true
		}
		if u, err := strconv.ParseUint(string(v), 10, 64); err == nil && v != "-0" {
			return u, true
		}
		f, err := v.Float64()
		return f, err == nil
	case []any:
		for i := range v {
			var ok1 bool
			v[i], ok1 = numbers(v[i])
			ok = ok && ok1
		}
	case map[string]any:
		for k := range v {
			var ok1 bool
			v[k], ok1 = numbers(v[k])
			ok = ok && ok1
		}
	}
	return v, ok
}

func FuzzJSONSurvivesMsgpack(f *testing.F) {
	for _, line := range strings.Split(lines, "\n") {
		f.Add([]byte(line))
	}
	for _, s := range []string{
		"01", "-", "1.", "1e", "[1,]", `{"a":1,}`, `"\ud800"`, `"\ud800\u0041"`, `"\ud800\n"`, "\"\xff\"", "\"a\nb\"",
		"nullx", "truefalse", "1 2", "1e400", "-0", "[[[[", strings.Repeat("[", 600), `{"a":{"b":[1.0,{"c":"d"}]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := jsonpack.NewReader(bytes.NewReader(text))
		record, err := r.Next(nil)
		if err == nil {
			if _, rest := r.Next(nil); rest != io.EOF {
				return // more values: encoding/json has no opinion
			}
		}
		want, ok := decode(text)
		if !ok {
			if err == nil {
				t.Fatalf("%q: encoding/json refuses it", text)
			}
			return
		}
		if err != nil {
			var syntax *jsonpack.SyntaxError
			if errors.As(err, &syntax) && strings.Contains(err.Error(), "nested deeper") {
				return // encoding/json goes deeper
			}
			if text := fmt.Sprint(want); (strings.Contains(err.Error(), "surrogate") || strings.Contains(err.Error(), "not UTF-8")) && strings.Contains(text, "\ufffd") {
				return // encoding/json puts something else there
			}
			t.Fatalf("%q: %v", text, err)
		}
		if err := codec.Check(record); err != nil {
			t.Fatalf("%q: % x: %v", text, record, err)
		}
		back, err := jsonpack.AppendJSON(nil, record)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got, ok := decode(back); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%q became %q", text, back)
		}
		again, err := jsonpack.NewReader(bytes.NewReader(back)).Next(nil)
		if err != nil || !bytes.Equal(again, record) {
			t.Errorf("%q: first % x, then % x, %v", text, record, again, err)
		}
	})
}

func FuzzAppendJSONIsValidForCheckedRecords(f *testing.F) {
	for _, s := range []string{
		"", "\xc1", "\xc0", "\x92\x01", "\x81\x81\x81\x01\x02\x03\x04", "\x81\x92\x01\xa1x\x01", "\xa5a\xff\xc3\x28\xe2",
		"\xd6\xff\x00\x00\x00\x01", "\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xf1\x86\x8b\x83\xff", "\xd5\x80\x00\x01",
		"\xca\x7f\xc0\x00\x00", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "\xc4\x04\xff\xfe\x00\x01", "\x81\x91\xd4\x80\x01\x01",
		strings.Repeat("\x81", 20) + strings.Repeat("\x01", 21), "\xdd\xff\xff\xff\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		text, err := jsonpack.AppendJSON(nil, record)
		if check := codec.Check(record); check != err {
			t.Fatalf("AppendJSON says %v, Check says %v", err, check)
		}
		if err != nil {
			return
		}
		if !json.Valid(text) || bytes.ContainsAny(text, "\n\r") {
			t.Fatalf("% x: %q is not one line of JSON", record, text)
		}
		if len(text) > 20*len(record) {
			t.Errorf("%d bytes became %d", len(record), len(text))
		}
		// Text that was printed can be sent again.
		if _, err := jsonpack.NewReader(bytes.NewReader(text)).Next(nil); err != nil {
			t.Errorf("% x: %q: %v", record, text, err)
		}
	})
}
