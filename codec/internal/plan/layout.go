package plan

import (
	"fmt"
	"reflect"
	"slices"
)

// layout is how a struct becomes a record: its fields in order, those of embedded
// structs among them, with the names and tags that msgpack/v5 knows.
type layout struct {
	list    []*field
	byName  map[string]*field
	asArray bool
	omits   bool // a field has omitempty
}

// field is a part of a struct that has a place in its record.
type field struct {
	place
	name      string // in a record
	goName    string
	typ       reflect.Type
	omitEmpty bool
	hidden    bool // in a type that is not exported
}

// place is where a field is: offset bytes into the struct, or, if it is embedded by
// pointer, into what the last hop leads to.
type place struct {
	hops   []hop
	offset uintptr
}

// hop follows a pointer to an embedded struct.
type hop struct {
	offset uintptr
	to     reflect.Type
}

// in returns the place that p has in a struct which embeds p's at that offset, by
// value, or as a pointer to byPointer.
func (p place) in(offset uintptr, byPointer reflect.Type) place {
	if byPointer != nil {
		return place{append([]hop{{offset, byPointer}}, p.hops...), p.offset}
	}
	if len(p.hops) == 0 {
		return place{nil, offset + p.offset}
	}
	hops := slices.Clone(p.hops)
	hops[0].offset += offset
	return place{hops, p.offset}
}

// at returns the address of the field in the struct at r; ok is false if a pointer
// on the way is nil.
func (p *place) at(r ref) (_ ref, ok bool) {
	for _, h := range p.hops {
		if r, ok = r.plus(h.offset).pointee(); !ok {
			return r, false
		}
	}
	return r.plus(p.offset), true
}

// made is at, and makes what pointers on the way lack.
func (p *place) made(r ref) ref {
	for _, h := range p.hops {
		r = r.plus(h.offset)
		to, ok := r.pointee()
		if !ok {
			to = r.grown(h.to)
		}
		r = to
	}
	return r.plus(p.offset)
}

var errEmbedsItself = fmt.Errorf("%w: a struct that embeds itself", ErrType)

// layoutOf works out the layout of t, a struct. Errors: ErrType, if it embeds itself.
func layoutOf(t reflect.Type) (*layout, error) {
	l := &layout{byName: map[string]*field{}}
	return l, l.build(t, nil)
}

func (l *layout) build(t reflect.Type, outer []reflect.Type) error {
	if slices.Contains(outer, t) {
		return fmt.Errorf("%w: %s", errEmbedsItself, t)
	}
	outer = append(outer, t)
	omitEmpty := false
	for i := range t.NumField() {
		f := t.Field(i)
		tag := parseTag(f.Tag.Get("msgpack"))
		if tag.name == "-" {
			continue
		}
		if f.Name == "_msgpack" {
			l.asArray = tag.has("as_array", "asArray")
			omitEmpty = omitEmpty || tag.has("omitempty")
		}
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		own := &field{
			place: place{offset: f.Offset}, name: tag.name, goName: f.Name, typ: f.Type,
			omitEmpty: omitEmpty || tag.has("omitempty"), hidden: !f.IsExported(),
		}
		if own.name == "" {
			own.name = f.Name
		}
		if f.Anonymous && !tag.has("noinline") {
			inlined, err := l.inline(own, tag.has("inline"), outer)
			if err != nil {
				return err
			}
			if inlined {
				l.byName[own.name] = own
				continue
			}
		}
		l.add(own)
		if alias, ok := tag.options["alias"]; ok {
			l.byName[alias] = own
		}
	}
	return nil
}

func (l *layout) add(f *field) {
	l.byName[f.name] = f
	l.list = append(l.list, f)
	l.omits = l.omits || f.omitEmpty
}

// inline gives the fields of the embedded struct f to the struct around it, and
// reports whether it did. Unless forced, it does so if none of their names is
// taken, and the type has no encoding of its own.
func (l *layout) inline(f *field, forced bool, outer []reflect.Type) (bool, error) {
	t := f.typ
	var byPointer reflect.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
		byPointer = t
	}
	if t.Kind() != reflect.Struct || !forced && !plain(t) {
		return false, nil
	}
	inner := &layout{byName: map[string]*field{}}
	if err := inner.build(t, outer); err != nil {
		return false, err
	}
	if !forced && registered(t, noMethod) { // asked only now: v5 does not bear a type that embeds itself
		return false, nil
	}
	taken := func(g *field) bool { return l.byName[g.name] != nil }
	if !forced && slices.ContainsFunc(inner.list, taken) {
		return false, nil
	}
	for _, g := range inner.list {
		if taken(g) {
			continue
		}
		moved := *g
		moved.place = g.place.in(f.offset, byPointer)
		moved.hidden = g.hidden || f.hidden && byPointer != nil
		l.add(&moved)
	}
	return true, nil
}
