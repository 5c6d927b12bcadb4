package plan

import (
	"reflect"
	"time"

	"github.com/shmq/shmq/internal/wire"
)

// any appends what an interface holds.
func (e *Encoder) any(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return wire.AppendNil(dst), nil
	case string:
		return wire.AppendString(dst, v), nil
	case bool:
		return wire.AppendBool(dst, v), nil
	case int:
		return wire.AppendInt(dst, int64(v)), nil
	case int64:
		return wire.AppendInt(dst, v), nil
	case uint64:
		return wire.AppendUint(dst, v), nil
	case float64:
		return wire.AppendFloat64(dst, v), nil
	case []byte:
		return appendBytes(dst, v), nil
	case time.Time:
		return wire.AppendTime(dst, v), nil
	case []any:
		if v == nil {
			return wire.AppendNil(dst), nil
		}
		return e.anyElements(dst, v)
	case map[string]any:
		return e.anyMap(dst, v)
	}
	return e.dynamic(dst, reflect.ValueOf(v))
}

func (e *Encoder) anyElements(dst []byte, vs []any) ([]byte, error) {
	if err := e.deeper(); err != nil {
		return dst, err
	}
	dst = wire.AppendArrayHeader(dst, len(vs))
	for i, v := range vs {
		var err error
		if dst, err = e.any(dst, v); err != nil {
			return dst, within(indexStep(i), err)
		}
	}
	e.depth--
	return dst, nil
}

// dynamic appends a value whose type is known only now. It has no address, which
// methods may ask for, so it is copied.
func (e *Encoder) dynamic(dst []byte, v reflect.Value) ([]byte, error) {
	if v.Kind() != reflect.Pointer {
		box := reflect.New(v.Type())
		box.Elem().Set(v)
		v = box
	} else if v.IsNil() {
		return wire.AppendNil(dst), nil
	}
	p := encPlanOf(v.Type().Elem())
	if p.err != nil {
		return dst, &fault{err: p.err} // a new one: the plan's error is shared
	}
	if e.boxes == wire.MaxDepth {
		return dst, ErrTooDeep // a pointer to the interface that it is in
	}
	e.boxes++
	dst, err := e.value(dst, p.root, refOf(v))
	e.boxes--
	return dst, err
}
