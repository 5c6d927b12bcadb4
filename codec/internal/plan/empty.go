package plan

import (
	"reflect"
	"time"
)

// emptiness is what omitempty asks of a type's values.
type emptiness uint8

const (
	neverEmpty emptiness = iota
	emptyIfZero
	emptyIfNoLen
	emptyIfNil
	emptyIfFields  // a struct: if all its fields may be left out and are empty
	emptyIfContent // an interface: if it is nil or what it holds is empty
	emptyBySay     // the type has IsZero
)

type zeroer interface{ IsZero() bool }

var zeroerType = reflect.TypeFor[zeroer]()

func emptinessOf(t reflect.Type) emptiness {
	if t.Implements(zeroerType) && t.Kind() != reflect.Interface {
		// One that an embedded type has says nothing about the other fields.
		if lost, _ := lostTo(t, zeroerType); lost == "" {
			return emptyBySay
		}
	}
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.String:
		return emptyIfNoLen
	case reflect.Array:
		if t.Len() == 0 {
			return emptyIfZero
		}
	case reflect.Pointer:
		return emptyIfNil
	case reflect.Interface:
		return emptyIfContent
	case reflect.Struct:
		if encodingSide.of(t) == noMethod {
			return emptyIfFields
		}
		return emptinessOfOpaque(t)
	case reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return emptyIfZero
	}
	return neverEmpty
}

// emptinessOfOpaque is emptinessOf for a struct that a method encodes. It is judged by
// its fields all the same, as by msgpack/v5; but one without fields that are exported
// is empty if it is zero, not always.
func emptinessOfOpaque(t reflect.Type) emptiness {
	l, err := layoutOf(t)
	if err != nil {
		return neverEmpty
	}
	for _, f := range l.list {
		if !f.omitEmpty {
			return neverEmpty
		}
	}
	return emptyIfZero
}

// isEmpty reports whether omitempty leaves out the value at r.
func (n *encNode) isEmpty(r ref) bool {
	switch n.op { // the usual ones, without reflection
	case encString:
		if n.empty == emptyIfNoLen {
			return *as[string](r) == ""
		}
	case encTime:
		return as[time.Time](r).IsZero()
	}
	v := r.value(n.typ)
	switch n.empty {
	case emptyIfZero:
		return isZero(v)
	case emptyIfNoLen:
		return v.Len() == 0
	case emptyIfNil:
		return v.IsNil()
	case emptyIfContent:
		return v.IsNil() || emptyContent(v.Elem())
	case emptyBySay:
		switch v.Kind() {
		case reflect.Map, reflect.Pointer, reflect.Slice, reflect.Func, reflect.Chan:
			return v.IsNil() || v.Interface().(zeroer).IsZero()
		}
		return v.Addr().Interface().(zeroer).IsZero()
	case emptyIfFields:
		return n.allOmitted(r)
	}
	return false
}

// isZero takes a float of -0 for 0.
func isZero(v reflect.Value) bool {
	return v.CanFloat() && v.Float() == 0 || v.IsZero()
}

// emptyContent is isEmpty for what an interface holds.
func emptyContent(v reflect.Value) bool {
	p := encPlanOf(v.Type())
	if p.err != nil {
		return false
	}
	box := reflect.New(v.Type())
	box.Elem().Set(v)
	return p.root.isEmpty(refOf(box))
}

func (n *encNode) allOmitted(r ref) bool {
	if n.op != encStruct {
		return false
	}
	for i := range n.fields {
		f := &n.fields[i]
		at, ok := f.at(r)
		if ok && !(f.omitEmpty && f.node.isEmpty(at)) {
			return false
		}
		if !ok && !n.omits {
			return false // written as nil
		}
	}
	return true
}
