package plan

import (
	"encoding"
	"reflect"
	"time"

	"github.com/shmq/shmq/internal/wire"
)

// Encoder encodes values. It keeps what helps with the next one and is not safe for
// concurrent use; the plans that it uses are shared by all.
type Encoder struct {
	typ   reflect.Type // of the last value
	plan  *encPlan
	depth int // of the containers around the value
	boxes int // pointers in interfaces around it
	v5    v5Encoder
}

// Append encodes the value that v, a pointer, points to, and appends it to dst. With
// an error the slice it returns has nothing to say. Errors: ErrType, ErrTooDeep, and
// those of the methods of types, with the path to the part at fault.
func (e *Encoder) Append(dst []byte, v reflect.Value) ([]byte, error) {
	if t := v.Type().Elem(); t != e.typ {
		e.typ, e.plan = t, encPlanOf(t)
	}
	if e.plan.err != nil {
		return dst, e.plan.err
	}
	e.depth, e.boxes = 0, 0
	dst, err := e.value(dst, e.plan.root, refOf(v))
	if err != nil {
		return dst, rooted(e.typ, err)
	}
	return dst, nil
}

// value appends the value at r.
func (e *Encoder) value(dst []byte, n *encNode, r ref) ([]byte, error) {
	switch n.op {
	case encBool:
		return wire.AppendBool(dst, *as[bool](r)), nil
	case encInt8:
		return wire.AppendInt(dst, int64(*as[int8](r))), nil
	case encInt16:
		return wire.AppendInt(dst, int64(*as[int16](r))), nil
	case encInt32:
		return wire.AppendInt(dst, int64(*as[int32](r))), nil
	case encInt64:
		return wire.AppendInt(dst, *as[int64](r)), nil
	case encUint8:
		return wire.AppendUint(dst, uint64(*as[uint8](r))), nil
	case encUint16:
		return wire.AppendUint(dst, uint64(*as[uint16](r))), nil
	case encUint32:
		return wire.AppendUint(dst, uint64(*as[uint32](r))), nil
	case encUint64:
		return wire.AppendUint(dst, *as[uint64](r)), nil
	case encFloat32:
		return wire.AppendFloat32(dst, *as[float32](r)), nil
	case encFloat64:
		return wire.AppendFloat64(dst, *as[float64](r)), nil
	case encString:
		return wire.AppendString(dst, *as[string](r)), nil
	case encBytes:
		return appendBytes(dst, *as[[]byte](r)), nil
	case encTime:
		return wire.AppendTime(dst, *as[time.Time](r)), nil
	case encStruct:
		return e.structure(dst, n, r)
	case encPointer:
		to, ok := r.pointee()
		if !ok {
			return wire.AppendNil(dst), nil
		}
		return e.value(dst, n.elem, to)
	case encSlice:
		first, count := r.elements()
		if first.isNil() {
			return wire.AppendNil(dst), nil
		}
		return e.elements(dst, n, first, count)
	case encArray:
		return e.elements(dst, n, r, n.len)
	case encByteArray:
		return wire.AppendBin(dst, r.bytes(n.len)), nil
	case encMap:
		return e.mapping(dst, n, r)
	case encAny:
		return e.any(dst, *as[any](r))
	case encInterface:
		return e.any(dst, r.value(n.typ).Interface())
	case encError:
		if err := *as[error](r); err != nil {
			return wire.AppendString(dst, err.Error()), nil
		}
		return wire.AppendNil(dst), nil
	}
	return e.byMethod(dst, n, r)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return wire.AppendNil(dst)
	}
	return wire.AppendBin(dst, b)
}

// deeper notes that a container begins. Its end is depth--.
func (e *Encoder) deeper() error {
	if e.depth == wire.MaxDepth {
		return ErrTooDeep // no decoder would take it; a value that contains itself ends here
	}
	e.depth++
	return nil
}

// elements appends count elements that follow each other as an array.
func (e *Encoder) elements(dst []byte, n *encNode, first ref, count int) ([]byte, error) {
	if err := e.deeper(); err != nil {
		return dst, err
	}
	dst = wire.AppendArrayHeader(dst, count)
	for i := range count {
		var err error
		if dst, err = e.value(dst, n.elem, first.plus(uintptr(i)*n.size)); err != nil {
			return dst, within(indexStep(i), err)
		}
	}
	e.depth--
	return dst, nil
}

// structure appends a struct as a map, or as an array if it is tagged so.
func (e *Encoder) structure(dst []byte, n *encNode, r ref) ([]byte, error) {
	if n.omits && !n.asArray {
		return e.omitting(dst, n, r)
	}
	if err := e.deeper(); err != nil {
		return dst, err
	}
	if n.asArray {
		dst = wire.AppendArrayHeader(dst, len(n.fields))
	} else {
		dst = wire.AppendMapHeader(dst, len(n.fields))
	}
	for i := range n.fields {
		f := &n.fields[i]
		if !n.asArray {
			dst = append(dst, f.head...)
		}
		at, ok := f.at(r)
		if !ok {
			dst = wire.AppendNil(dst)
			continue
		}
		var err error
		if dst, err = e.value(dst, f.node, at); err != nil {
			return dst, within("."+f.name, err)
		}
	}
	e.depth--
	return dst, nil
}

// omitting appends a struct without the fields that are empty and may be left out,
// and without those behind a nil pointer.
func (e *Encoder) omitting(dst []byte, n *encNode, r ref) ([]byte, error) {
	if err := e.deeper(); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = wire.AppendMapHeader(dst, len(n.fields)) // as long as it can get
	body := len(dst)
	count := 0
	for i := range n.fields {
		f := &n.fields[i]
		at, ok := f.at(r)
		if !ok || f.omitEmpty && f.node.isEmpty(at) {
			continue
		}
		count++
		dst = append(dst, f.head...)
		var err error
		if dst, err = e.value(dst, f.node, at); err != nil {
			return dst, within("."+f.name, err)
		}
	}
	e.depth--
	head := wire.AppendMapHeader(dst[:start], count)
	return append(head, dst[body:]...), nil // moves nothing, or down
}

// byMethod appends a value that encodes itself.
func (e *Encoder) byMethod(dst []byte, n *encNode, r ref) ([]byte, error) {
	v := r.value(n.typ)
	switch n.op {
	case encGenerated:
		return v.Addr().Interface().(marshaler).MarshalMsg(dst)
	case encV5:
		return e.v5.append(dst, v)
	}
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		if v.IsNil() {
			return wire.AppendNil(dst), nil
		}
	}
	if n.op == encText {
		b, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
		return wire.AppendStr(dst, b), err
	}
	b, err := v.Addr().Interface().(encoding.BinaryMarshaler).MarshalBinary()
	return appendBytes(dst, b), err
}
