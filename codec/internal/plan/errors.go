package plan

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/shmq/shmq/internal/wire"
)

// The errors of encoding and decoding; package codec documents them.
var (
	ErrType     = errors.New("codec: unsupported type")
	ErrMismatch = errors.New("codec: record does not fit the type")
	ErrTooDeep  = fmt.Errorf("codec: value nested deeper than %d", wire.MaxDepth)
	ErrTrailing = errors.New("codec: bytes after the value")
)

// errShort says that a record ends too early. A caller that gets it looks at the record
// again to tell what exactly is wrong, so it is never shown.
var errShort = io.ErrUnexpectedEOF

// fault is an error and where in a value it occurred. The steps are added from the
// inside out, as calls return.
type fault struct {
	steps []string
	err   error
}

// within adds a step to where err occurred: ".Field", "[3]" or `["key"]`.
func within(step string, err error) error {
	f, ok := err.(*fault)
	if !ok {
		f = &fault{err: err}
	}
	f.steps = append(f.steps, step)
	return f
}

// maxSteps bounds what a message shows of a path: values nest deeper than is of use.
const maxSteps = 16

func (f *fault) Error() string {
	steps := slices.Clone(f.steps)
	slices.Reverse(steps)
	if len(steps) > maxSteps {
		steps = slices.Replace(steps, maxSteps/2, len(steps)-maxSteps/2, "…")
	}
	return strings.TrimPrefix(strings.Join(steps, ""), ".") + ": " + f.err.Error()
}

func (f *fault) Unwrap() error { return f.err }

// rooted adds the name of the type of the whole value.
func rooted(t reflect.Type, err error) error {
	return within(nameOf(t), err)
}

func nameOf(t reflect.Type) string {
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	if t.Name() == "" || t.PkgPath() == "" {
		return "record"
	}
	return t.Name()
}

func indexStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

// keyStep names a key of a map by the bytes it has in a record.
func keyStep(src []byte) string {
	t, err := wire.Parse(src)
	if err != nil {
		return "[?]"
	}
	return "[" + describe(t, src) + "]"
}

// noEncoding says that a Go type has no msgpack form.
func noEncoding(t reflect.Type) error {
	return fmt.Errorf("%w: %s has no msgpack form; leave the field out with the tag msgpack:\"-\"", ErrType, t)
}

// describe names the value at the start of src, whose token is t, in a few words.
func describe(t wire.Token, src []byte) string {
	switch t.Kind {
	case wire.Nil:
		return "nil"
	case wire.Bool:
		return strconv.FormatBool(t.Num != 0)
	case wire.Uint:
		return strconv.FormatUint(t.Num, 10)
	case wire.Int:
		return strconv.FormatInt(int64(t.Num), 10)
	case wire.Float32, wire.Float64:
		return "float " + strconv.FormatFloat(floatOf(t), 'g', -1, 64)
	case wire.Str:
		return excerpt(t.Payload(src))
	case wire.Bin:
		return fmt.Sprintf("%d bytes", t.Num)
	case wire.Ext:
		return fmt.Sprintf("ext %d of %d bytes", t.Type, t.Num)
	case wire.Array:
		return fmt.Sprintf("an array of %d", t.Num)
	}
	return fmt.Sprintf("a map of %d", t.Num)
}

// excerpt quotes the beginning of a text.
func excerpt(b []byte) string {
	const most = 24
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "…"
	}
	return strconv.Quote(string(b))
}
