package plan

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/shmq/shmq/internal/wire"
)

// mapHeader takes the header of a map and enters it. isNil is set if there is nil
// instead.
func (d *Decoder) mapHeader(wanted reflect.Type) (pairs int, isNil bool, err error) {
	t, src, err := d.token()
	switch {
	case err != nil:
		return 0, false, err
	case t.Kind == wire.Nil:
		return 0, true, nil
	case t.Kind != wire.Map:
		return 0, false, fmt.Errorf("%s, want a map for %s", describe(t, src), wanted)
	}
	return int(t.Num), false, d.enter(2 * t.Num)
}

// mapping decodes a map, and nil.
func (d *Decoder) mapping(n *decNode, r ref) error {
	pairs, isNil, err := d.mapHeader(n.typ)
	if err != nil || isNil {
		return err
	}
	if n.key.typ == stringType {
		switch n.elem.typ {
		case stringType:
			m := make(map[string]string, pairs)
			*as[map[string]string](r) = m
			return d.stringMap(m, n, pairs)
		case anyType:
			m := make(map[string]any, pairs)
			*as[map[string]any](r) = m
			return d.anyMap(m, pairs)
		}
	}
	m := reflect.MakeMapWithSize(n.typ, pairs)
	r.value(n.typ).Set(m)
	key, elem := reflect.New(n.key.typ), reflect.New(n.elem.typ)
	for range pairs {
		d.next(1)
		at := d.off
		if err := d.key(n, key); err != nil {
			return err
		}
		d.next(1)
		elem.Elem().SetZero()
		if err := d.value(n.elem, refOf(elem)); err != nil {
			return within(keyStep(d.src[at:]), err)
		}
		m.SetMapIndex(key.Elem(), elem.Elem())
	}
	d.leave()
	return nil
}

// key decodes a key of a map.
func (d *Decoder) key(n *decNode, key reflect.Value) error {
	k := key.Elem()
	k.SetZero()
	if kind := k.Kind(); kind != reflect.Interface && kind != reflect.Pointer && d.takeNil() {
		return d.nilKey(n.typ)
	}
	if err := d.value(n.key, refOf(key)); err != nil {
		return within("[key]", err)
	}
	if !k.Comparable() {
		return fmt.Errorf("a key of type %s, which cannot be one in %s", k.Elem().Type(), n.typ)
	}
	return nil
}

func (d *Decoder) nilKey(t reflect.Type) error {
	d.Differences |= NilKey
	return fmt.Errorf("nil as a key, want %s", t.Key())
}

var errStringKey = errors.New("want string; for other keys use map[any]any")

// stringKey decodes a key that has to be a text, or bytes.
func (d *Decoder) stringKey(m reflect.Type) (string, error) {
	src := d.src[d.off:]
	if head, size := wire.ReadStr(src); size != 0 {
		d.off += size
		return string(src[head:size]), nil
	}
	t, src, err := d.token()
	switch {
	case err != nil:
		return "", err
	case t.Kind == wire.Nil:
		return "", d.nilKey(m)
	case t.Kind != wire.Str && t.Kind != wire.Bin:
		return "", fmt.Errorf("%s as a key, %w", describe(t, src), errStringKey)
	}
	return string(t.Payload(src)), nil
}

func (d *Decoder) stringMap(m map[string]string, n *decNode, pairs int) error {
	for range pairs {
		d.next(1)
		k, err := d.stringKey(n.typ)
		if err != nil {
			return err
		}
		d.next(1)
		var v string
		if err := d.value(n.elem, refOf(reflect.ValueOf(&v))); err != nil {
			return within("["+excerpt([]byte(k))+"]", err)
		}
		m[k] = v
	}
	d.leave()
	return nil
}

// anyMap decodes the pairs of a map that was entered.
func (d *Decoder) anyMap(m map[string]any, pairs int) error {
	for range pairs {
		d.next(1)
		k, err := d.stringKey(anyMapType)
		if err != nil {
			return err
		}
		d.next(1)
		v, err := d.any()
		if err != nil {
			return within("["+excerpt([]byte(k))+"]", err)
		}
		m[k] = v
	}
	d.leave()
	return nil
}

var anyMapType = reflect.TypeFor[map[string]any]()
