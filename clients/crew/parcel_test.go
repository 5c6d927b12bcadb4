//go:build linux

package crew

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"
)

// A parcel goes round the ring: a msgpack map of these fields. Each worker decodes it into the types of
// its language, checks its sum, extends it, and encodes it again.
type parcel struct {
	Number  uint64         `msgpack:"number"`
	Copy    uint64         `msgpack:"copy"` // who sent it, and its number among what it sent
	Big     uint64         `msgpack:"big"`
	Small   int64          `msgpack:"small"`
	Ratio   float64        `msgpack:"ratio"` // may come as an integer: JavaScript has one type of numbers
	Nothing any            `msgpack:"nothing"`
	Maybe   *string        `msgpack:"maybe"`
	Name    string         `msgpack:"name"`
	Blob    []byte         `msgpack:"blob"`
	Yes     bool           `msgpack:"yes"`
	Tree    map[string]any `msgpack:"tree"`
	List    []any          `msgpack:"list"`
	Trail   []stop         `msgpack:"trail"`
	Sum     uint64         `msgpack:"sum"`
}

// stop is an array of two.
type stop struct {
	//lint:ignore U1000 the msgpack library looks for it
	_msgpack struct{} `msgpack:",as_array"`
	Hop      string
	Life     uint64
}

// sum is made of what the decoder made of the fields, and not of the bytes that it read: of the
// canonical form of number, big, ..., list; of each stop; and of copy. A decoder that takes one value
// for another makes another sum.
func (p *parcel) sum() uint64 {
	b := make([]byte, 0, 1024)
	b = canonical(b, p.Number)
	b = canonical(b, p.Big)
	b = canonical(b, p.Small)
	b = canonical(b, p.Ratio)
	b = canonical(b, p.Nothing)
	if p.Maybe == nil {
		b = canonical(b, nil)
	} else {
		b = canonical(b, *p.Maybe)
	}
	b = canonical(b, p.Name)
	b = canonical(b, p.Blob)
	b = canonical(b, p.Yes)
	b = canonical(b, p.Tree)
	b = canonical(b, p.List)
	h := mix(0, b)
	for _, s := range p.Trail {
		h = mix(h, canonical(canonical(b[:0], s.Hop), s.Life))
	}
	return mix(h, canonical(b[:0], p.Copy))
}

// extend adds a stop, and sums up again.
func (p *parcel) extend(hop string, life, copy uint64) {
	p.Trail = append(p.Trail, stop{Hop: hop, Life: life})
	p.Copy = copy
	p.Sum = p.sum()
}

func mix(h uint64, b []byte) uint64 {
	h = (h ^ uint64(crc32.ChecksumIEEE(b))) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// canonical appends the one form that a value has in all languages: n nil, f false, t true, u an integer
// of 64 bits, i one below zero, d a float, s a string and b bytes with their length before them, a an
// array and m a map with their count, a map's keys in the order of their bytes.
func canonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		return append(b, map[bool]byte{false: 'f', true: 't'}[v])
	case uint64:
		return binary.LittleEndian.AppendUint64(append(b, 'u'), v)
	case int64:
		return binary.LittleEndian.AppendUint64(append(b, cmp.Or(map[bool]byte{true: 'i'}[v < 0], 'u')), uint64(v))
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, 'd'), math.Float64bits(v))
	case string:
		return append(count(b, 's', len(v)), v...)
	case []byte:
		return append(count(b, 'b', len(v)), v...)
	case []any:
		b = count(b, 'a', len(v))
		for _, item := range v {
			b = canonical(b, item)
		}
		return b
	case map[string]any:
		b = count(b, 'm', len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b = canonical(canonical(b, key), v[key])
		}
		return b
	case int8:
		return canonical(b, int64(v))
	case int16:
		return canonical(b, int64(v))
	case int32:
		return canonical(b, int64(v))
	case uint8:
		return canonical(b, uint64(v))
	case uint16:
		return canonical(b, uint64(v))
	case uint32:
		return canonical(b, uint64(v))
	case float32:
		return canonical(b, float64(v))
	}
	panic(fmt.Sprintf("a parcel holds a %T", v))
}

func count(b []byte, tag byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(append(b, tag), uint32(n))
}
