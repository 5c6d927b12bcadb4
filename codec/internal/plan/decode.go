package plan

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/shmq/shmq/internal/wire"
)

// Decoder decodes records. It keeps what helps with the next one and is not safe for
// concurrent use; the plans that it uses are shared by all.
type Decoder struct {
	// Strict refuses to turn numbers into others: see package codec.
	Strict bool

	typ  reflect.Type // of the last value
	plan *decPlan

	src   []byte
	off   int
	depth int // of the containers around the next value
	// due is how many values the containers around the next one still promise behind
	// it. Each takes a byte at least, so a container that promises more than the bytes
	// that are not due to others is refused before anything is made for it: all in all
	// a record makes room for no more elements than it has bytes.
	due int

	// Differences are those that the last record met.
	Differences Difference
	v5          v5Decoder
}

// Decode decodes src, which has to be one whole value, into what v points to. That
// must be a zero value; after an error it can be anything. Errors: ErrType;
// otherwise src is malformed, or well-formed and does not suit the type.
func (d *Decoder) Decode(src []byte, v reflect.Value) (err error) {
	if t := v.Type().Elem(); t != d.typ {
		d.typ, d.plan = t, decPlanOf(t)
	}
	if d.plan.err != nil {
		return d.plan.err
	}
	d.src, d.off, d.depth, d.due, d.Differences = src, 0, 0, 0, 0
	defer func() {
		d.src = nil
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panicked: %v", p)
		}
		if err != nil {
			err = rooted(d.typ, err)
		}
	}()
	if err := d.value(d.plan.root, refOf(v)); err != nil {
		return err
	}
	if d.off != len(src) {
		return ErrTrailing
	}
	return nil
}

// value decodes the next value into what is at r.
func (d *Decoder) value(n *decNode, r ref) error {
	switch n.op {
	case decInt64:
		i, size := wire.ReadInt(d.src[d.off:])
		if size == 0 {
			return d.otherInt(n, r)
		}
		d.off += size
		*as[int64](r) = i
		return nil
	case decUint64:
		u, size := wire.ReadUint(d.src[d.off:])
		if size == 0 {
			return d.otherInt(n, r)
		}
		d.off += size
		*as[uint64](r) = u
		return nil
	case decInt8, decInt16, decInt32, decUint8, decUint16, decUint32:
		i, size := wire.ReadInt(d.src[d.off:])
		if size == 0 || !storeInt(n.op, r, i) {
			return d.otherInt(n, r)
		}
		d.off += size
		return nil
	case decFloat64:
		f, size := wire.ReadFloat64(d.src[d.off:])
		if size == 0 {
			return d.otherFloat(n, r)
		}
		d.off += size
		*as[float64](r) = f
		return nil
	case decFloat32:
		return d.otherFloat(n, r)
	case decBool:
		b, size := wire.ReadBool(d.src[d.off:])
		if size == 0 {
			return d.notBool(n, r)
		}
		d.off += size
		*as[bool](r) = b
		return nil
	case decString:
		head, size := wire.ReadStr(d.src[d.off:])
		if size == 0 {
			return d.otherString(n, r)
		}
		*as[string](r) = string(d.src[d.off+head : d.off+size])
		d.off += size
		return nil
	case decStruct:
		return d.structure(n, r)
	case decPointer:
		if d.takeNil() {
			return nil
		}
		return d.value(n.elem, r.grown(n.elem.typ))
	}
	return d.compound(n, r)
}

// compound is value for the types that take longer.
func (d *Decoder) compound(n *decNode, r ref) error {
	switch n.op {
	case decBytes:
		return d.bytes(n, r)
	case decByteArray:
		return d.byteArray(n, r)
	case decSlice:
		return d.slice(n, r)
	case decArray:
		return d.array(n, r)
	case decMap:
		return d.mapping(n, r)
	case decTime:
		return d.time(n, r)
	case decAny:
		v, err := d.any()
		*as[any](r) = v
		return err
	case decError:
		t, src, err := d.token()
		if err != nil || t.Kind == wire.Nil {
			return err
		}
		if t.Kind != wire.Str {
			return mismatch(n, t, src)
		}
		*as[error](r) = errors.New(string(t.Payload(src)))
		return nil
	case decInterface:
		return d.iface(n, r)
	case decGenerated:
		return d.generated(n, r)
	case decText:
		return d.text(n, r)
	}
	src, ext, err := d.whole()
	if err != nil {
		return err
	}
	return d.v5.decode(src, ext, r.value(n.typ))
}

// token takes the next token; of a string or an ext also the payload. src begins with
// it.
func (d *Decoder) token() (t wire.Token, src []byte, err error) {
	src = d.src[d.off:]
	if t, err = wire.Parse(src); err != nil {
		return t, src, err
	}
	d.off += t.Size()
	return t, src, nil
}

// takeNil takes the next value if it is nil.
func (d *Decoder) takeNil() bool {
	if d.off < len(d.src) && wire.KindOf(d.src[d.off]) == wire.Nil {
		d.off++
		return true
	}
	return false
}

// whole takes the next value, whatever it is, and returns its bytes and where in them
// the first ext is.
func (d *Decoder) whole() (src []byte, ext int, err error) {
	size, ext, err := wire.Walk(d.src[d.off:], d.depth)
	if err != nil {
		return nil, 0, err
	}
	src = d.src[d.off : d.off+size : d.off+size]
	d.off += size
	return src, min(ext, size), nil
}

// enter notes that a container of values begins. It fails if there can't be so many.
func (d *Decoder) enter(values uint64) error {
	if d.depth == wire.MaxDepth {
		return ErrTooDeep
	}
	if free := len(d.src) - d.off - d.due; free < 0 || values > uint64(free) {
		return errShort
	}
	d.depth++
	d.due += int(values)
	return nil
}

// next notes that so many of the values of a container are read now.
func (d *Decoder) next(values int) { d.due -= values }

// leave notes the end of a container.
func (d *Decoder) leave() { d.depth-- }

// mismatch says that the value with the token t, at the start of src, is of a kind
// that n's type does not take.
func mismatch(n *decNode, t wire.Token, src []byte) error {
	return fmt.Errorf("%s, want %s", describe(t, src), wanted(n.typ))
}

// wanted names what a type takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		if t != timeType {
			return "a map for " + t.String()
		}
	case reflect.Map:
		return "a map for " + t.String()
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() != reflect.Uint8 {
			return "an array for " + t.String()
		}
	}
	return t.String()
}
