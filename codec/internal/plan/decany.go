package plan

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/shmq/shmq/internal/wire"
)

// any decodes the next value into the Go type that it was written in: the sized
// integers and floats, string, []byte, time.Time, []any, map[string]any.
func (d *Decoder) any() (any, error) {
	at := d.off
	t, src, err := d.token()
	if err != nil {
		return nil, err
	}
	switch t.Kind {
	case wire.Bool:
		return t.Num != 0, nil
	case wire.Uint, wire.Int:
		return sizedInt(t), nil
	case wire.Float32:
		return math.Float32frombits(uint32(t.Num)), nil
	case wire.Float64:
		return math.Float64frombits(t.Num), nil
	case wire.Str:
		return string(t.Payload(src)), nil
	case wire.Bin:
		return append(make([]byte, 0, t.Num), t.Payload(src)...), nil
	case wire.Ext:
		return d.anyExt(t, d.src[at:d.off:d.off])
	case wire.Array:
		return d.anySlice(int(t.Num))
	case wire.Map:
		if err := d.enter(2 * t.Num); err != nil {
			return nil, err
		}
		m := make(map[string]any, t.Num)
		if err := d.anyMap(m, int(t.Num)); err != nil {
			return nil, err
		}
		return m, nil
	}
	return nil, nil
}

func (d *Decoder) anySlice(count int) (any, error) {
	if err := d.enter(uint64(count)); err != nil {
		return nil, err
	}
	vs := make([]any, count)
	for i := range vs {
		d.next(1)
		v, err := d.any()
		if err != nil {
			return nil, within(indexStep(i), err)
		}
		vs[i] = v
	}
	d.leave()
	return vs, nil
}

// sizedInt returns the integer of t in the type of its size; one in the first byte of
// its value is an int8.
func sizedInt(t wire.Token) any {
	switch {
	case t.Kind == wire.Int && t.Head == 3:
		return int16(t.Num)
	case t.Kind == wire.Int && t.Head == 5:
		return int32(t.Num)
	case t.Kind == wire.Int && t.Head == 9:
		return int64(t.Num)
	case t.Kind == wire.Int || t.Head == 1:
		return int8(t.Num)
	case t.Head == 2:
		return uint8(t.Num)
	case t.Head == 3:
		return uint16(t.Num)
	case t.Head == 5:
		return uint32(t.Num)
	}
	return t.Num
}

// anyExt decodes the ext value src: a timestamp; what is registered with msgpack/v5;
// a time as other libraries write it.
func (d *Decoder) anyExt(t wire.Token, src []byte) (any, error) {
	if t.Type == wire.TimeType {
		at, ok := timestamp(t.Payload(src))
		if !ok {
			return nil, fmt.Errorf("%s, which is no timestamp", describe(t, src))
		}
		return at, nil
	}
	var v any
	if err := d.v5.decode(src, 0, reflect.ValueOf(&v).Elem()); err == nil {
		return v, nil
	}
	if at, ok := foreignTime(t, src); ok {
		d.Differences |= TimeForm
		return at, nil
	}
	return nil, fmt.Errorf("%s, which nothing is registered for", describe(t, src))
}

// iface decodes a value into an interface with methods, which hardly any fits.
func (d *Decoder) iface(n *decNode, r ref) error {
	at := d.off
	v, err := d.any()
	if err != nil || v == nil {
		return err
	}
	if !reflect.TypeOf(v).AssignableTo(n.typ) {
		t, _ := wire.Parse(d.src[at:])
		return mismatch(n, t, d.src[at:])
	}
	r.value(n.typ).Set(reflect.ValueOf(v))
	return nil
}

// timestamp reads the payload of a timestamp, in local time.
func timestamp(payload []byte) (time.Time, bool) {
	sec, nsec, ok := wire.Time(payload)
	if !ok {
		return time.Time{}, false
	}
	return local(time.Unix(sec, int64(nsec))), true
}

// local returns t as it is, but the zero time without a zone, like time.Time{}.
func local(t time.Time) time.Time {
	if t.IsZero() {
		return t.UTC()
	}
	return t
}
