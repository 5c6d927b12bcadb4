package plan

import (
	"encoding"

	"github.com/shmq/shmq/internal/wire"
)

// generated lets UnmarshalMsg decode the next value. The method gets no byte of what
// follows, and the value is known to be well-formed.
func (d *Decoder) generated(n *decNode, r ref) error {
	inner := d.off > 0
	src, _, err := d.whole()
	if err != nil {
		return err
	}
	if inner {
		d.Differences |= Generated
	}
	rest, err := r.value(n.typ).Addr().Interface().(unmarshaler).UnmarshalMsg(src)
	if err == nil && len(rest) != 0 {
		err = ErrTrailing
	}
	return err
}

// text decodes text or bytes by the methods of a type; nil leaves its zero value. A
// type that has both reads text from text, and from bytes whichever it can: also text
// arrives as bytes from languages that do not tell them apart.
func (d *Decoder) text(n *decNode, r ref) error {
	t, src, err := d.token()
	if err != nil || t.Kind == wire.Nil {
		return err
	}
	if t.Kind != wire.Str && t.Kind != wire.Bin {
		return mismatch(n, t, src)
	}
	v, payload := r.value(n.typ), t.Payload(src)
	if n.binary && n.text {
		d.Differences |= TextOrBinary
	}
	if n.binary && (t.Kind == wire.Bin || !n.text) {
		err = v.Addr().Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(payload)
		if err == nil || !n.text {
			return err
		}
		v.SetZero()
	}
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(payload)
}
