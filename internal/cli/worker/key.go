package worker

import (
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/jsonpack"
	"github.com/shmq/shmq/internal/wire"
)

// field returns the value of a field of a record that is a map, as JSON, so that numbers
// are the same however they are written. It returns "" if there is no such field, or
// nothing in it (nil).
func field(record []byte, name string) string {
	if codec.Check(record) != nil {
		return ""
	}
	t, _ := wire.Parse(record) // checked
	if t.Kind != wire.Map {
		return ""
	}
	rest := record[t.Size():]
	for range t.Num {
		key := value(&rest)
		v := value(&rest)
		k, _ := wire.Parse(key)
		if k.Kind != wire.Str || string(k.Payload(key)) != name {
			continue
		}
		if t, _ := wire.Parse(v); t.Kind == wire.Nil {
			return ""
		}
		text, _ := jsonpack.AppendJSON(nil, v)
		return string(text)
	}
	return ""
}

// value cuts off the first value of what was checked.
func value(rest *[]byte) []byte {
	n, _ := codec.Next(*rest)
	v := (*rest)[:n]
	*rest = (*rest)[n:]
	return v
}
