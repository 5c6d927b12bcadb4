package plan

import (
	"reflect"

	"github.com/shmq/shmq/internal/wire"
)

// mapping appends a map, in the order in which Go happens to give it.
func (e *Encoder) mapping(dst []byte, n *encNode, r ref) ([]byte, error) {
	if n.key.typ == stringType {
		switch n.elem.typ {
		case stringType:
			return e.stringMap(dst, *as[map[string]string](r))
		case anyType:
			return e.anyMap(dst, *as[map[string]any](r))
		}
	}
	v := r.value(n.typ)
	if v.IsNil() {
		return wire.AppendNil(dst), nil
	}
	if err := e.deeper(); err != nil {
		return dst, err
	}
	dst = wire.AppendMapHeader(dst, v.Len())
	key, elem := reflect.New(n.key.typ), reflect.New(n.elem.typ)
	for iter := v.MapRange(); iter.Next(); {
		key.Elem().SetIterKey(iter)
		elem.Elem().SetIterValue(iter)
		start := len(dst)
		var err error
		if dst, err = e.value(dst, n.key, refOf(key)); err != nil {
			return dst, within("[key]", err)
		}
		at := dst[start:]
		if dst, err = e.value(dst, n.elem, refOf(elem)); err != nil {
			return dst, within(keyStep(at), err)
		}
	}
	e.depth--
	return dst, nil
}

func (e *Encoder) stringMap(dst []byte, m map[string]string) ([]byte, error) {
	if m == nil {
		return wire.AppendNil(dst), nil
	}
	if e.depth == wire.MaxDepth {
		return dst, ErrTooDeep
	}
	dst = wire.AppendMapHeader(dst, len(m))
	for k, v := range m {
		dst = wire.AppendString(wire.AppendString(dst, k), v)
	}
	return dst, nil
}

func (e *Encoder) anyMap(dst []byte, m map[string]any) ([]byte, error) {
	if m == nil {
		return wire.AppendNil(dst), nil
	}
	if err := e.deeper(); err != nil {
		return dst, err
	}
	dst = wire.AppendMapHeader(dst, len(m))
	for k, v := range m {
		start := len(dst)
		dst = wire.AppendString(dst, k)
		at := dst[start:]
		var err error
		if dst, err = e.any(dst, v); err != nil {
			return dst, within(keyStep(at), err)
		}
	}
	e.depth--
	return dst, nil
}
