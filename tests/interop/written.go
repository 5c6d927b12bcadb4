package main

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/shmq/shmq/codec"
)

// A target is what Go reads a value of some name into that was written in
// another language, and the text of what it should get.
type target struct {
	goType string
	want   string
	read   func([]byte) ([]byte, error)
}

// nothing is what is wanted of a number that msgpack cannot hold.
const nothing = "nothing"

// into reads into a T, and wants v of it.
func into[T any](v T) target {
	b, err := codec.Msgpack().Append(nil, &v)
	if err != nil {
		panic(err) // a value of this file that has no encoding
	}
	return target{typeName[T](), diagnose(b), readAs[T]}
}

var targets = map[string]target{
	"milliseconds": into(int64(1700000000000)),
	"float 5":      into(5.0),
	"float -0":     into(math.Copysign(0, -1)),
	"float 0.1":    into(0.1),
	"float 1e+300": into(1e300),
	"float 1e+16":  into(1e16),
	"float inf":    into(math.Inf(1)),
	"float nan":    into(math.NaN()),
	"price":        into(float32(5)),
	"small float":  into(float32(0.1)),

	"nil":         into((*int64)(nil)),
	"nil, a unit": into((*int64)(nil)),
	"undefined":   into((*int64)(nil)),
	"true":        into(true),

	"text":        into("hé"),
	"ascii text":  into("abc"),
	"empty text":  into(""),
	"text of 300": into(strings.Repeat("t", 300)),

	"number that was read as text":   into("5"),
	"number that was printed":        into(int64(5)),
	"text that was used as a number": into("5"),

	"bin":                into([]byte{0, 255}),
	"bin as a Buffer":    into([]byte{0, 255}),
	"bin by serde_bytes": into([]byte{0, 255}),
	"empty bin":          into([]byte{}),

	"list":                      into([]int64{1, 2}),
	"list that lost an element": into([]int64{2, 3}),
	"list with a hole":          into([]any{1, nil, 3}),
	"empty list":                into([]int64{}),

	"map":                   into(map[string]int64{"k": 7}),
	"symbol key":            into(map[string]int64{"k": 7}),
	"empty map":             into(map[string]int64{}),
	"empty map, an object":  into(map[string]int64{}),
	"int keys":              into(map[int64]string{1: "x"}),
	"int keys of an object": into(map[int64]string{1: "x"}),
	"int to int":            into(map[int64]int64{1: 2}),
	"mixed keys":            {"map[any]string", `{"1": "s", 1: "i"}`, readAs[map[any]string]},

	"time":             into(time.Unix(1577836800, 500000000)),
	"a java.util.Date": into(time.Unix(1577836800, 500000000)),
	"time 1969":        into(time.Unix(-2, 500000000)),
	"time 2600":        into(time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)),

	"record":                     into(student{Name: "Ada", Grade: 1}),
	"record, an object":          into(student{Name: "Ada", Grade: 1}),
	"record with undefined":      into(student{Name: "Ada", Grade: 1}),
	"record by to_vec_named":     into(student{Name: "Ada", Grade: 1}),
	"two mentions of an object":  into([]student{{Name: "Ada", Grade: 1}, {Name: "Ada", Grade: 1}}),
	"two mentions of a stdClass": into([]student{{Name: "Ada", Grade: 1}, {Name: "Ada", Grade: 1}}),

	"enum":              into("Red"),
	"enum with a value": into(map[string]int64{"Grey": 5}),
}

// targetOf returns what the value of that name is read into; "int 5" and the
// like are read into the integer type that holds them.
func targetOf(name string) (target, bool) {
	if s, ok := strings.CutPrefix(name, "int "); ok {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return into(n), true
		}
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return into(n), true
		}
		if strings.Trim(s, "0123456789") == "" { // too large for both
			return target{"uint64", nothing, readAs[uint64]}, true
		}
	}
	t, ok := targets[name]
	return t, ok
}

// readAny returns the text of what bytes become in an any.
func readAny(bytes []byte) (string, error) {
	var v any
	if err := codec.Msgpack().Decode(bytes, &v); err != nil {
		return "", err
	}
	return showGo(v), nil
}

// showGo returns the text of a value that Go decoded into an any, in the form
// of diagnose.
func showGo(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case time.Time:
		return instant(v.Unix(), int64(v.Nanosecond()))
	case []byte:
		return quoteBytes(v)
	case *shape:
		return extension(42, []byte{v.sides, 0})
	}
	p := reflect.ValueOf(v)
	switch p.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(p.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(p.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(p.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return float(p.Float())
	case reflect.String:
		return quote(p.String())
	case reflect.Slice, reflect.Array:
		var out []string
		for i := range p.Len() {
			out = append(out, showGo(p.Index(i).Interface()))
		}
		return list(out)
	case reflect.Map:
		var out []string
		for it := p.MapRange(); it.Next(); {
			out = append(out, showGo(it.Key().Interface())+": "+showGo(it.Value().Interface()))
		}
		return entries(out)
	}
	return p.Type().String()
}
