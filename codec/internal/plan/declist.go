package plan

import (
	"fmt"

	"github.com/shmq/shmq/internal/wire"
)

// slice decodes an array, and nil.
func (d *Decoder) slice(n *decNode, r ref) error {
	t, src, err := d.token()
	if err != nil || t.Kind == wire.Nil {
		return err
	}
	if t.Kind == wire.Bin && n.fromBytes {
		d.Differences |= BytesToMethods
		first := makeSlice(n, r, int(t.Num))
		copy(first.bytes(int(t.Num)), t.Payload(src))
		return nil
	}
	if t.Kind != wire.Array {
		return mismatch(n, t, src)
	}
	if err := d.enter(t.Num); err != nil {
		return err
	}
	count := int(t.Num)
	return d.elements(n, makeSlice(n, r, count), count)
}

// makeSlice makes the slice at r, which is nil, count elements long, and returns where
// the first is.
func makeSlice(n *decNode, r ref, count int) (first ref) {
	if count == 0 {
		r.setEmpty()
	} else {
		v := r.value(n.typ)
		v.Grow(count)
		v.SetLen(count)
	}
	first, _ = r.elements()
	return first
}

// array decodes an array of exactly the length that the type has; nil leaves zeros.
func (d *Decoder) array(n *decNode, r ref) error {
	t, src, err := d.token()
	switch {
	case err != nil || t.Kind == wire.Nil:
		return err
	case t.Kind == wire.Bin && n.fromBytes:
		d.Differences |= BytesToMethods
		return d.copyBytes(n, r, t, src)
	case t.Kind != wire.Array:
		return mismatch(n, t, src)
	case t.Num != uint64(n.len):
		if t.Num < uint64(n.len) {
			d.Differences |= ShortArray
		}
		return fmt.Errorf("%d elements, want the %d of %s", t.Num, n.len, n.typ)
	}
	if err := d.enter(t.Num); err != nil {
		return err
	}
	return d.elements(n, r, n.len)
}

// elements decodes the values of an array that was entered.
func (d *Decoder) elements(n *decNode, first ref, count int) error {
	for i := range count {
		d.next(1)
		if err := d.value(n.elem, first.plus(uintptr(i)*n.size)); err != nil {
			return within(indexStep(i), err)
		}
	}
	d.leave()
	return nil
}
