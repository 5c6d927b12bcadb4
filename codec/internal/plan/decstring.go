package plan

import (
	"fmt"

	"github.com/shmq/shmq/internal/wire"
)

// otherString decodes a text with a long header, bytes, and nil as "".
func (d *Decoder) otherString(n *decNode, r ref) error {
	t, src, err := d.token()
	if err != nil || t.Kind == wire.Nil {
		return err
	}
	if t.Kind != wire.Str && t.Kind != wire.Bin {
		return mismatch(n, t, src)
	}
	*as[string](r) = string(t.Payload(src))
	return nil
}

// bytes decodes bytes, text, and nil.
func (d *Decoder) bytes(n *decNode, r ref) error {
	t, src, err := d.token()
	if err != nil || t.Kind == wire.Nil {
		return err
	}
	if t.Kind != wire.Str && t.Kind != wire.Bin {
		return mismatch(n, t, src)
	}
	*as[[]byte](r) = append(make([]byte, 0, t.Num), t.Payload(src)...)
	return nil
}

// byteArray decodes bytes and text of the array's length; nil leaves zeros.
func (d *Decoder) byteArray(n *decNode, r ref) error {
	t, src, err := d.token()
	if err != nil || t.Kind == wire.Nil {
		return err
	}
	if t.Kind != wire.Str && t.Kind != wire.Bin {
		return mismatch(n, t, src)
	}
	return d.copyBytes(n, r, t, src)
}

func (d *Decoder) copyBytes(n *decNode, r ref, t wire.Token, src []byte) error {
	if t.Num != uint64(n.len) {
		if t.Num < uint64(n.len) {
			d.Differences |= ShortArray
		}
		return fmt.Errorf("%d bytes, want the %d of %s", t.Num, n.len, n.typ)
	}
	copy(r.bytes(n.len), t.Payload(src))
	return nil
}
