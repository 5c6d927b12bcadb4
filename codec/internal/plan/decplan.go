package plan

import (
	"errors"
	"reflect"
	"sync"

	"github.com/shmq/shmq/internal/wire"
)

// decOp says what to do with a value.
type decOp uint8

const (
	decBool decOp = iota
	decInt8
	decInt16
	decInt32
	decInt64
	decUint8
	decUint16
	decUint32
	decUint64
	decFloat32
	decFloat64
	decString
	decBytes
	decTime
	decStruct
	decPointer
	decSlice
	decArray
	decByteArray
	decMap
	decAny
	decInterface
	decError
	decGenerated
	decText
	decV5
)

// decNode is the part of a plan for one type. It does not change once the plan is
// made.
type decNode struct {
	op   decOp
	typ  reflect.Type
	key  *decNode // of a map
	elem *decNode // of a pointer, slice, array, map
	size uintptr  // of an element
	len  int      // of an array

	fields []decField
	byName map[string]*decField

	text, binary bool // what a type with methods reads
	fromBytes    bool // a slice whose elements are a byte each
}

// decField is a field of a struct.
type decField struct {
	head string // its name, as it is in a record
	place
	node   *decNode
	name   string
	index  int // in fields; -1 of an embedded struct whose fields are there
	hidden bool
}

// shadowed is the head of a field whose name another one has taken: no key begins so.
const shadowed = "\xc1"

// decPlan is the plan of a type, or the reason why there is none.
type decPlan struct {
	root *decNode
	err  error
}

var decPlans sync.Map // of reflect.Type to *decPlan

func decPlanOf(t reflect.Type) *decPlan {
	if p, ok := decPlans.Load(t); ok {
		return p.(*decPlan)
	}
	b := decBuilder{nodes: map[reflect.Type]*decNode{}}
	root, err := b.node(t)
	if err != nil {
		err = rooted(t, err)
	}
	p, _ := decPlans.LoadOrStore(t, &decPlan{root, err})
	return p.(*decPlan)
}

// CanDecode returns nil, or an ErrType that names the part of t without a msgpack form.
func CanDecode(t reflect.Type) error { return decPlanOf(t).err }

// decBuilder makes the nodes of a plan. A type may contain itself, so a node is
// there before it is complete.
type decBuilder struct {
	nodes map[reflect.Type]*decNode
}

func (b *decBuilder) node(t reflect.Type) (*decNode, error) {
	if n := b.nodes[t]; n != nil {
		return n, nil
	}
	n := &decNode{typ: t}
	b.nodes[t] = n
	return n, b.fill(n)
}

func (b *decBuilder) fill(n *decNode) error {
	t := n.typ
	m := decodingSide.of(t)
	if m != noMethod {
		if err := checkWhole(t, decodingSide[m]); err != nil {
			return err
		}
	}
	switch {
	case t == timeType:
		n.op = decTime
	case m == byGenerated:
		n.op = decGenerated
	case m == byCustom || m == byWhole:
		n.op = decV5
	case t.Kind() == reflect.Struct && m == noMethod:
		return b.structure(n)
	case registered(t, encodingSide.of(t)):
		n.op = decV5
	case m != noMethod:
		n.op, n.text, n.binary = decText, decodingSide.has(t, byText), decodingSide.has(t, byBinary)
	default:
		return b.byKind(n)
	}
	return nil
}

// decKinds are the kinds that need nothing but the kind.
var decKinds = map[reflect.Kind]decOp{
	reflect.Bool: decBool, reflect.String: decString,
	reflect.Int8: decInt8, reflect.Int16: decInt16, reflect.Int32: decInt32, reflect.Int64: decInt64,
	reflect.Uint8: decUint8, reflect.Uint16: decUint16, reflect.Uint32: decUint32, reflect.Uint64: decUint64,
	reflect.Float32: decFloat32, reflect.Float64: decFloat64,
}

func (b *decBuilder) byKind(n *decNode) (err error) {
	t := n.typ
	if op, ok := decKinds[sized(t)]; ok {
		n.op = op
		return nil
	}
	switch t.Kind() {
	case reflect.Slice:
		if n.op = decSlice; isBytes(t, &decodingSide) {
			n.op = decBytes
			return nil
		}
		n.size, n.fromBytes = t.Elem().Size(), t.Elem().Kind() == reflect.Uint8
		n.elem, err = b.part("[]", t.Elem())
	case reflect.Array:
		n.len = t.Len()
		if n.op = decArray; isBytes(t, &decodingSide) {
			n.op = decByteArray
			return nil
		}
		n.size, n.fromBytes = t.Elem().Size(), t.Elem().Kind() == reflect.Uint8
		n.elem, err = b.part("[]", t.Elem())
	case reflect.Map:
		n.op = decMap
		if n.key, err = b.part("[key]", t.Key()); err == nil {
			n.elem, err = b.part("[]", t.Elem())
		}
	case reflect.Pointer:
		n.op = decPointer
		if endless(t) {
			return noEncoding(t)
		}
		n.elem, err = b.node(t.Elem())
	case reflect.Interface:
		switch n.op = decInterface; t {
		case anyType:
			n.op = decAny
		case errorType:
			n.op = decError
		}
	default:
		return noEncoding(t)
	}
	return err
}

// part is node, for a part of a value.
func (b *decBuilder) part(step string, t reflect.Type) (*decNode, error) {
	n, err := b.node(t)
	if err != nil {
		err = within(step, err)
	}
	return n, err
}

func (b *decBuilder) structure(n *decNode) error {
	l, err := layoutOf(n.typ)
	if err != nil {
		return err
	}
	n.op = decStruct
	err = b.fields(n, l)
	if !errors.Is(err, errEmbedsItself) && registered(n.typ, noMethod) {
		n.op, n.fields, n.byName = decV5, nil, nil
		return nil
	}
	return err
}

func (b *decBuilder) fields(n *decNode, l *layout) error {
	n.fields = make([]decField, len(l.list))
	n.byName = make(map[string]*decField, len(l.byName))
	at := map[*field]*decField{}
	for i, f := range l.list {
		if err := b.field(&n.fields[i], f); err != nil {
			return err
		}
		n.fields[i].index = i
		if l.byName[f.name] != f {
			n.fields[i].head = shadowed
		}
		at[f] = &n.fields[i]
	}
	for name, f := range l.byName {
		if at[f] == nil {
			at[f] = &decField{index: -1}
			if err := b.field(at[f], f); err != nil {
				return err
			}
		}
		n.byName[name] = at[f]
	}
	return nil
}

func (b *decBuilder) field(d *decField, f *field) (err error) {
	d.head, d.place, d.name, d.hidden = string(wire.AppendStr(nil, []byte(f.name))), f.place, f.goName, f.hidden
	d.node, err = b.part("."+f.goName, f.typ)
	return err
}
