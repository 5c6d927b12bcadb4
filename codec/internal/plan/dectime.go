package plan

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/shmq/shmq/internal/wire"
)

// The types of ext that hold times besides the one that msgpack reserves.
const (
	msgpTime = 5  // github.com/tinylib/msgp: seconds int64, nanoseconds int32
	nodeTime = 13 // some libraries for Node.js: like a timestamp
)

// time decodes a timestamp and the other forms that times come in: ext 5 and 13, text
// as in RFC 3339, and an array of seconds and nanoseconds.
func (d *Decoder) time(n *decNode, r ref) error {
	t, src, err := d.token()
	if err != nil {
		return err
	}
	ok := false
	at := as[time.Time](r)
	switch t.Kind {
	case wire.Ext:
		if t.Type == wire.TimeType {
			*at, ok = timestamp(t.Payload(src))
			break
		}
		d.Differences |= TimeForm
		*at, ok = foreignTime(t, src)
	case wire.Str, wire.Bin:
		d.Differences |= TimeForm
		parsed, err := time.Parse(time.RFC3339Nano, string(t.Payload(src)))
		if err != nil {
			return fmt.Errorf("%s, want a time as in RFC 3339 for %s", describe(t, src), n.typ)
		}
		*at, ok = parsed, true
	case wire.Array:
		if t.Num != 2 {
			break
		}
		d.Differences |= TimeForm
		return d.timePair(at)
	}
	if !ok {
		return mismatch(n, t, src)
	}
	return nil
}

// timePair decodes seconds and nanoseconds.
func (d *Decoder) timePair(at *time.Time) error {
	if err := d.enter(2); err != nil {
		return err
	}
	var v [2]int64
	for i := range v {
		d.next(1)
		n, size := wire.ReadInt(d.src[d.off:])
		if size == 0 {
			return fmt.Errorf("an array of 2 that is no time, want seconds and nanoseconds for %s", timeType)
		}
		d.off += size
		v[i] = n
	}
	d.leave()
	*at = time.Unix(v[0], v[1])
	return nil
}

// foreignTime reads the time in an ext of another type than the reserved one.
func foreignTime(t wire.Token, src []byte) (time.Time, bool) {
	payload := t.Payload(src)
	switch {
	case t.Type == nodeTime:
		return timestamp(payload)
	case t.Type == msgpTime && len(payload) == 12:
		sec, nsec := int64(binary.BigEndian.Uint64(payload)), int32(binary.BigEndian.Uint32(payload[8:]))
		if nsec < 0 || nsec >= 1e9 {
			return time.Time{}, false
		}
		return local(time.Unix(sec, int64(nsec))), true
	}
	return time.Time{}, false
}
