package plan

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/shmq/shmq/internal/wire"
)

// encOp says what to do with a value.
type encOp uint8

const (
	encBool encOp = iota
	encInt8
	encInt16
	encInt32
	encInt64
	encUint8
	encUint16
	encUint32
	encUint64
	encFloat32
	encFloat64
	encString
	encBytes
	encTime
	encStruct
	encPointer
	encSlice
	encArray
	encByteArray
	encMap
	encAny
	encInterface
	encError
	encGenerated
	encText
	encBinary
	encV5
)

// encNode is the part of a plan for one type. It does not change once the plan is
// made.
type encNode struct {
	op    encOp
	typ   reflect.Type
	key   *encNode // of a map
	elem  *encNode // of a pointer, slice, array, map
	size  uintptr  // of an element
	len   int      // of an array
	empty emptiness

	fields  []encField
	asArray bool
	omits   bool // a field may be left out
}

// encField is a field of a struct.
type encField struct {
	head string // its name, as it is in a record
	place
	node      *encNode
	name      string
	omitEmpty bool
}

// encPlan is the plan of a type, or the reason why there is none.
type encPlan struct {
	root *encNode
	err  error
}

var encPlans sync.Map // of reflect.Type to *encPlan

func encPlanOf(t reflect.Type) *encPlan {
	if p, ok := encPlans.Load(t); ok {
		return p.(*encPlan)
	}
	b := encBuilder{nodes: map[reflect.Type]*encNode{}}
	root, err := b.node(t)
	if err != nil {
		err = rooted(t, err)
	}
	p, _ := encPlans.LoadOrStore(t, &encPlan{root, err})
	return p.(*encPlan)
}

// CanEncode returns nil, or an ErrType that names the part of t without a msgpack form.
func CanEncode(t reflect.Type) error { return encPlanOf(t).err }

var (
	timeType  = reflect.TypeFor[time.Time]()
	errorType = reflect.TypeFor[error]()
	anyType   = reflect.TypeFor[any]()

	stringType = reflect.TypeFor[string]()
)

// encBuilder makes the nodes of a plan. A type may contain itself, so a node is
// there before it is complete.
type encBuilder struct {
	nodes map[reflect.Type]*encNode
}

func (b *encBuilder) node(t reflect.Type) (*encNode, error) {
	if n := b.nodes[t]; n != nil {
		return n, nil
	}
	n := &encNode{typ: t, empty: emptinessOf(t)}
	b.nodes[t] = n
	return n, b.fill(n)
}

func (b *encBuilder) fill(n *encNode) error {
	t := n.typ
	m := encodingSide.of(t)
	if m != noMethod {
		if err := checkWhole(t, encodingSide[m]); err != nil {
			return err
		}
	}
	switch {
	case t == timeType:
		n.op = encTime
	case m == byGenerated:
		n.op = encGenerated
	case m == byCustom || m == byWhole:
		n.op = encV5
	case t.Kind() == reflect.Struct && m == noMethod:
		return b.structure(n)
	case registered(t, m):
		n.op = encV5
	case m == byText:
		n.op = encText
	case m == byBinary:
		n.op = encBinary
	default:
		return b.byKind(n)
	}
	return nil
}

// encKinds are the kinds that need nothing but the kind.
var encKinds = map[reflect.Kind]encOp{
	reflect.Bool: encBool, reflect.String: encString,
	reflect.Int8: encInt8, reflect.Int16: encInt16, reflect.Int32: encInt32, reflect.Int64: encInt64,
	reflect.Uint8: encUint8, reflect.Uint16: encUint16, reflect.Uint32: encUint32, reflect.Uint64: encUint64,
	reflect.Float32: encFloat32, reflect.Float64: encFloat64,
}

// sized returns the kind of t, and that of its size for int and uint.
func sized(t reflect.Type) reflect.Kind {
	switch k := t.Kind(); {
	case k == reflect.Int && t.Size() == 4:
		return reflect.Int32
	case k == reflect.Int:
		return reflect.Int64
	case k == reflect.Uint && t.Size() == 4:
		return reflect.Uint32
	case k == reflect.Uint:
		return reflect.Uint64
	default:
		return k
	}
}

func (b *encBuilder) byKind(n *encNode) (err error) {
	t := n.typ
	if op, ok := encKinds[sized(t)]; ok {
		n.op = op
		return nil
	}
	switch t.Kind() {
	case reflect.Slice:
		if n.op = encSlice; isBytes(t, &encodingSide) {
			n.op = encBytes
			return nil
		}
		n.size = t.Elem().Size()
		n.elem, err = b.part("[]", t.Elem())
	case reflect.Array:
		n.len = t.Len()
		if n.op = encArray; isBytes(t, &encodingSide) {
			n.op = encByteArray
			return nil
		}
		n.size = t.Elem().Size()
		n.elem, err = b.part("[]", t.Elem())
	case reflect.Map:
		n.op = encMap
		if n.key, err = b.part("[key]", t.Key()); err == nil {
			n.elem, err = b.part("[]", t.Elem())
		}
	case reflect.Pointer:
		n.op = encPointer
		if endless(t) {
			return noEncoding(t)
		}
		n.elem, err = b.node(t.Elem())
	case reflect.Interface:
		switch n.op = encInterface; t {
		case anyType:
			n.op = encAny
		case errorType:
			n.op = encError
		}
	default:
		return noEncoding(t)
	}
	return err
}

// part is node, for a part of a value.
func (b *encBuilder) part(step string, t reflect.Type) (*encNode, error) {
	n, err := b.node(t)
	if err != nil {
		err = within(step, err)
	}
	return n, err
}

func (b *encBuilder) structure(n *encNode) error {
	l, err := layoutOf(n.typ)
	if err != nil {
		return err
	}
	n.op, n.asArray, n.omits = encStruct, l.asArray, l.omits
	for _, f := range l.list {
		var node *encNode
		if node, err = b.part("."+f.goName, f.typ); err != nil {
			break
		}
		n.fields = append(n.fields, encField{
			head: string(wire.AppendStr(nil, []byte(f.name))), place: f.place,
			node: node, name: f.goName, omitEmpty: f.omitEmpty,
		})
	}
	if !errors.Is(err, errEmbedsItself) && registered(n.typ, noMethod) {
		n.op, n.fields = encV5, nil
		return nil
	}
	return err
}

// isBytes reports whether t, a slice or an array, is bytes: its elements are, and
// have no methods that make them something else.
func isBytes(t reflect.Type, s *side) bool {
	return t.Elem().Kind() == reflect.Uint8 && s.of(t.Elem()) == noMethod
}

// endless reports whether t, a pointer, leads to pointers only.
func endless(t reflect.Type) bool {
	for n := 0; t.Kind() == reflect.Pointer; n++ {
		if t = t.Elem(); n > wire.MaxDepth {
			return true
		}
	}
	return false
}
