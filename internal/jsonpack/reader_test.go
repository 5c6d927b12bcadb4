package jsonpack_test

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/jsonpack"
)

// pack reads all values of a text; it checks that each is a record.
func pack(t testing.TB, r io.Reader) (records []string, err error) {
	t.Helper()
	in := jsonpack.NewReader(r)
	for {
		b, err := in.Next([]byte("head"))
		if string(b[:4]) != "head" {
			t.Fatalf("dst is lost: %q", b)
		}
		if err != nil {
			if len(b) != 4 {
				t.Errorf("error %v with %q", err, b)
			}
			if _, again := in.Next(nil); again != err {
				t.Errorf("first error %v, then %v", err, again)
			}
			if err == io.EOF {
				err = nil
			}
			return records, err
		}
		if err := codec.Check(b[4:]); err != nil {
			t.Fatalf("% x: %v", b, err)
		}
		records = append(records, string(b[4:]))
	}
}

func TestEachValueBecomesTheMsgpackOfItsKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`null`: "\xc0", `true`: "\xc3", `false`: "\xc2",
		`0`: "\x00", `-1`: "\xff", `127`: "\x7f", `-33`: "\xd0\xdf", `300`: "\xcd\x01\x2c",
		`9007199254740993`:                       "\xcf\x00\x20\x00\x00\x00\x00\x00\x01",
		`-9223372036854775808`:                   "\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		`18446744073709551615`:                   "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
		`18446744073709551616`:                   "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00",
		`-9223372036854775809`:                   "\xcb\xc3\xe0\x00\x00\x00\x00\x00\x00",
		`1.0`:                                    "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
		`1e2`:                                    "\xcb\x40\x59\x00\x00\x00\x00\x00\x00",
		`1E+2`:                                   "\xcb\x40\x59\x00\x00\x00\x00\x00\x00",
		`-0`:                                     "\xcb\x80\x00\x00\x00\x00\x00\x00\x00",
		`-0.0`:                                   "\xcb\x80\x00\x00\x00\x00\x00\x00\x00",
		`1e-400`:                                 "\xcb\x00\x00\x00\x00\x00\x00\x00\x00",
		`""`:                                     "\xa0",
		`"a\"\\\/\b\f\n\r\t"`:                    "\xa9a\"\\/\b\f\n\r\t",
		`"\u0000\u00e9\u20AC"`:                   "\xa6\x00\u00e9\u20ac",
		`"\ud83d\ude00"`:                         "\xa4\U0001f600",
		`[]`:                                     "\x90",
		`{}`:                                     "\x80",
		`[ 1 , [ ] ]`:                            "\x92\x01\x90",
		`{"b":1,"a":2,"b":3}`:                    "\x83\xa1b\x01\xa1a\x02\xa1b\x03",
		`{ "k" : { "l" : [] } }`:                 "\x81\xa1k\x81\xa1l\x90",
		"[" + strings.Repeat("1,", 15) + "1]":    "\xdc\x00\x10" + strings.Repeat("\x01", 16),
		"[" + strings.Repeat("1,", 65535) + "1]": "\xdd\x00\x01\x00\x00" + strings.Repeat("\x01", 65536),
		"[0,{" + strings.Repeat(`"":0,`, 15) + `"":0}]`:                           "\x92\x00\xde\x00\x10" + strings.Repeat("\xa0\x00", 16),
		strings.Repeat("[", codec.MaxDepth) + strings.Repeat("]", codec.MaxDepth): strings.Repeat("\x91", codec.MaxDepth-1) + "\x90",
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			got, err := pack(t, r)
			if err != nil || !reflect.DeepEqual(got, []string{want}) {
				t.Errorf("%.60s: got %.80q, %v, want %.80q", text, got, err, want)
			}
		}
	}
}

func TestValuesFollowEachOther(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"":                             0,
		" \n\t\r\n":                    0,
		"1":                            1,
		"1\n2\n":                       2,
		"1 2\r\n\r\n3":                 3,
		`{}{}[][]""""`:                 6,
		`1"a"2[]3{}null"x"true[false]`: 10,
	} {
		got, err := pack(t, strings.NewReader(text))
		if err != nil || len(got) != want {
			t.Errorf("%q: got %q, %v, want %d values", text, got, err, want)
		}
	}
}

func TestABadTextIsAnErrorThatSaysWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text         string
		values       int
		offset, line int64
		want         string
	}{
		{`"\ud83d"`, 0, 7, 1, `half of a surrogate pair`},
		{`"\ud83dx"`, 0, 7, 1, `half of a surrogate pair`},
		{`"\ud83d\n"`, 0, 8, 1, `half of a surrogate pair`},
		{`"\ud83d\u0041"`, 0, 13, 1, `half of a surrogate pair`},
		{`"\ud83d\ud83d\ude00"`, 0, 13, 1, `half of a surrogate pair`},
		{"1\n" + `"\ude00\ud83d"`, 1, 15, 2, `half of a surrogate pair`},
		{`{"\ud83d": 1}`, 0, 8, 1, `half of a surrogate pair`},
		{"1\n\"\xff\xe2\x82\"", 1, 7, 2, `not UTF-8`},
		{"1\n2\n{\"a\" 1}", 2, 9, 3, `unexpected '1' after a key`},
		{"[1 2]", 0, 3, 1, `unexpected '2' in an array`},
		{"[1,]", 0, 3, 1, `unexpected ']' where a value`},
		{"[,1]", 0, 1, 1, `unexpected ','`},
		{"{\"a\":1,}", 0, 7, 1, `unexpected '}' where a key`},
		{"{\"a\":1 \"b\":2}", 0, 7, 1, `unexpected '"' in an object`},
		{"{1:2}", 0, 1, 1, `unexpected '1' where a key`},
		{"{\"a\"}", 0, 4, 1, `unexpected '}' after a key`},
		{"\n\n]", 0, 2, 3, `unexpected ']'`},
		{"nulx", 0, 3, 1, `unexpected 'x' in null`},
		{"nullx", 0, 4, 1, `unexpected 'x' after a value`},
		{"truefalse", 0, 4, 1, `unexpected 'f' after a value`},
		{"12,", 0, 2, 1, `unexpected ',' after a value`},
		{" 01", 0, 1, 1, `invalid number 01`},
		{"-", 0, 0, 1, `invalid number -`},
		{"[1.]", 0, 1, 1, `invalid number 1.`},
		{".5", 0, 0, 1, `unexpected '.'`},
		{"+1", 0, 0, 1, `unexpected '+'`},
		{"1e", 0, 0, 1, `invalid number 1e`},
		{"1e+", 0, 0, 1, `invalid number 1e+`},
		{"1.5.2", 0, 0, 1, `invalid number 1.5.2`},
		{"1-2", 0, 0, 1, `invalid number 1-2`},
		{"NaN", 0, 0, 1, `unexpected 'N'`},
		{"'a'", 0, 0, 1, `unexpected '\''`},
		{"\"a\nb\"", 0, 2, 1, `unexpected '\n' in a string`},
		{`"\x"`, 0, 2, 1, `unexpected 'x' after \`},
		{`"\u12g4"`, 0, 5, 1, `unexpected 'g' in a \u escape`},
		{`"\ud800\x"`, 0, 8, 1, `half of a surrogate pair`},
		{"\ufeff1", 0, 0, 1, `unexpected`},
		{"1\n[1e400]", 1, 3, 2, `too large`},
		{"-1e400", 0, 0, 1, `too large`},
		{strings.Repeat("9", 400), 0, 0, 1, `too large`},
		{strings.Repeat("[", codec.MaxDepth+1), 0, codec.MaxDepth, 1, `nested deeper than 512`},
		{strings.Repeat(`{"":`, codec.MaxDepth) + "{", 0, 4 * codec.MaxDepth, 1, `nested deeper than 512`},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			values, err := pack(t, r)
			var syntax *jsonpack.SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("%.40q: got %v, want a SyntaxError", c.text, err)
				continue
			}
			if len(values) != c.values || syntax.Offset != c.offset || syntax.Line != c.line || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%.40q: got %d values and %q at line %d, offset %d, want %d values and %q at line %d, offset %d",
					c.text, len(values), syntax, syntax.Line, syntax.Offset, c.values, c.want, c.line, c.offset)
			}
		}
	}
}

func TestATextThatEndsInsideAValueIsCut(t *testing.T) {
	t.Parallel()
	const text = `{"a":[1,{"b\u0041":true}],"c":"d","e":null}`
	for n := 1; n < len(text); n++ {
		values, err := pack(t, strings.NewReader(text[:n]))
		if len(values) != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %q, %v", text[:n], values, err)
		}
	}
}

func TestAnErrorOfTheInputIsPassedOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, text := range []string{"", " ", "1", "tr", "[1", `"a`, `"\`, `"\u00`, `"\ud800`, `"\ud800\`, `{"a"`, "nul", "true"} {
		r := io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
		if values, err := pack(t, r); len(values) != 0 || !errors.Is(err, broken) {
			t.Errorf("%q: got %q, %v", text, values, err)
		}
	}
}

// A writer that sends a value and waits for its effect must not wait for ever.
func TestAValueIsReadAsSoonAsItIsComplete(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{}", "[1]", `"a"`, "1\n", "true\n"} {
		pr, pw := io.Pipe()
		go func() { _, _ = io.WriteString(pw, text) }()
		if _, err := jsonpack.NewReader(pr).Next(nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		_ = pr.Close()
	}
}

// lines has values like those of real logs, and the numbers and strings that
// converters get wrong.
const lines = `{"id":9007199254740993,"name":"a","tags":["x","y"],"geo":{"lat":-12.5,"lon":0.1},"ok":true,"none":null}
{"floats":[1.0,0.1,1e2,1e300,1.5e-7,-0,-0.0,5e-324,1.7976931348623157e308,123456789012345678901234567890,1e21,1e-6,1e-7]}
{"ints":[0,-1,127,128,255,256,65535,65536,4294967295,4294967296,12345678901234567890,-9223372036854775808,18446744073709551615]}
{"text":["\u0000\u001f\u007f\u0080","\ud83d\ude00","é€😀","\"\\\/\b\f\n\r\t","<>&","\u2028\u2029"]}
{"empty":[[],{},"",[[]],[{}],{"":{}}],"z":1,"a":2,"z":3}
[[[[[[[[[[[[[[[[[[[[{"deep":[{"deeper":{"deepest":[1,[2,[3]]]}}]}]]]]]]]]]]]]]]]]]]]]
"only text"
42
null
`

func TestJSONThatWentThroughMsgpackIsTheSameToJq(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("needs jq: ", err)
	}
	records, err := pack(t, strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	var back []byte
	for _, r := range records {
		if back, err = jsonpack.AppendJSON(back, []byte(r)); err != nil {
			t.Fatal(err)
		}
		back = append(back, '\n')
	}
	sorted := func(text []byte) string {
		cmd := exec.Command("jq", "-S", ".")
		cmd.Stdin = bytes.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("jq: %v\n%s", err, out)
		}
		return string(out)
	}
	if got, want := sorted(back), sorted([]byte(lines)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// ordinary is a line of the kind that fills log files.
const ordinary = `{"time":"2026-03-01T12:00:00.123456Z","level":"info","msg":"order accepted","order":{"id":184467440,` +
	`"symbol":"ACME","price":101.25,"qty":300,"tags":["limit","day"]},"latency_us":[12,15,9.5,31],"host":"north-7","ok":true}
`

func BenchmarkReader(b *testing.B) {
	text := strings.Repeat(ordinary, 100)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		r := jsonpack.NewReader(strings.NewReader(text))
		for {
			var err error
			if buf, err = r.Next(buf[:0]); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkReaderHugeArray(b *testing.B) {
	text := "[" + strings.Repeat(ordinary+",", 50000) + "0]"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := jsonpack.NewReader(strings.NewReader(text)).Next(nil); err != nil {
			b.Fatal(err)
		}
	}
}
