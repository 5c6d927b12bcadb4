package plan

import (
	"fmt"

	"github.com/shmq/shmq/internal/wire"
)

// structure decodes a map, or an array of all fields in order, or nil.
func (d *Decoder) structure(n *decNode, r ref) error {
	pairs, size := wire.ReadMap(d.src[d.off:])
	if size == 0 {
		t, src, err := d.token()
		switch {
		case err != nil || t.Kind == wire.Nil:
			return err
		case t.Kind == wire.Array:
			return d.fromArray(n, r, t)
		case t.Kind != wire.Map:
			return mismatch(n, t, src)
		}
		if err := d.enter(2 * t.Num); err != nil {
			return err
		}
		return d.pairs(n, r, int(t.Num))
	}
	d.off += size
	if err := d.enter(2 * uint64(pairs)); err != nil {
		return err
	}
	return d.pairs(n, r, pairs)
}

// pairs decodes the pairs of a map that was entered. Most writers keep to the order of
// the fields, so the next one is tried first. Fields from next on are still zero.
func (d *Decoder) pairs(n *decNode, r ref, pairs int) error {
	next := 0
	for range pairs {
		d.next(2)
		var f *decField
		if next < len(n.fields) && d.has(n.fields[next].head) {
			f = &n.fields[next]
			d.off += len(f.head)
			next++
		} else {
			var err error
			if f, err = d.field(n); err != nil {
				return err
			}
			if f == nil {
				if _, _, err := d.whole(); err != nil {
					return err
				}
				continue
			}
			if f.index < next {
				d.again(f, r)
			} else {
				next = f.index + 1
			}
		}
		if err := d.into(f, r); err != nil {
			return err
		}
	}
	d.leave()
	return nil
}

// into decodes the next value into the field f of the struct at r.
func (d *Decoder) into(f *decField, r ref) error {
	if f.hidden {
		d.Differences |= Unexported
	}
	if err := d.value(f.node, f.made(r)); err != nil {
		return within("."+f.name, err)
	}
	return nil
}

// has reports whether the next bytes are head.
func (d *Decoder) has(head string) bool {
	return len(d.src)-d.off >= len(head) && string(d.src[d.off:d.off+len(head)]) == head
}

// field takes a key and returns the field of that name, nil if there is none.
func (d *Decoder) field(n *decNode) (*decField, error) {
	t, src, err := d.token()
	switch {
	case err != nil:
		return nil, err
	case t.Kind == wire.Nil:
		d.Differences |= NilKey
		return nil, fmt.Errorf("nil as a key, want the name of a field of %s", n.typ)
	case t.Kind != wire.Str && t.Kind != wire.Bin:
		return nil, fmt.Errorf("%s as a key, want the name of a field of %s", describe(t, src), n.typ)
	}
	return n.byName[string(t.Payload(src))], nil
}

// again makes a field zero that may have been decoded before.
func (d *Decoder) again(f *decField, r ref) {
	at, ok := f.at(r)
	if !ok {
		return
	}
	if v := at.value(f.node.typ); !v.IsZero() {
		d.Differences |= RepeatedKey
		v.SetZero()
	}
}

// fromArray decodes a struct that was written as an array of all its fields. An empty
// one is a zero struct: some languages write an empty map so.
func (d *Decoder) fromArray(n *decNode, r ref, t wire.Token) error {
	if t.Num != 0 && t.Num != uint64(len(n.fields)) {
		return fmt.Errorf("an array of %d, want a map, or an array of the %d fields of %s", t.Num, len(n.fields), n.typ)
	}
	if err := d.enter(t.Num); err != nil {
		return err
	}
	for i := range int(t.Num) {
		d.next(1)
		if err := d.into(&n.fields[i], r); err != nil {
			return err
		}
	}
	d.leave()
	return nil
}
