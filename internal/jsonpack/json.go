package jsonpack

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/wire"
)

// AppendJSON appends the one msgpack value that record holds as compact JSON on
// one line, without a newline. It keeps neither slice and may be called from
// many goroutines.
//
// The record need not be trusted. The errors are those of codec.Check, and with
// an error dst is returned as it was given. The JSON is at most twenty times
// as long as the record.
func AppendJSON(dst, record []byte) ([]byte, error) {
	if err := codec.Check(record); err != nil {
		return dst, err
	}
	p := printer{src: record}
	return p.value(dst), nil
}

// printer walks over a checked record, as deep as the check allows.
type printer struct {
	src   []byte // what is left
	inKey bool   // the value is inside a map key
}

// next takes a token and its payload.
func (p *printer) next() (wire.Token, []byte) {
	t, err := wire.Parse(p.src)
	if err != nil {
		panic("jsonpack: a checked record is malformed: " + err.Error())
	}
	var payload []byte
	if !t.Container() {
		payload = t.Payload(p.src)
	}
	p.src = p.src[t.Size():]
	return t, payload
}

func (p *printer) value(dst []byte) []byte {
	t, payload := p.next()
	switch t.Kind {
	case wire.Array:
		return p.array(dst, t.Num)
	case wire.Map:
		return p.object(dst, t.Num)
	}
	return appendScalar(dst, t, payload)
}

func (p *printer) array(dst []byte, n uint64) []byte {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = p.value(dst)
	}
	return append(dst, ']')
}

func (p *printer) object(dst []byte, n uint64) []byte {
	dst = append(dst, '{')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(p.key(dst), ':')
		dst = p.value(dst)
	}
	return append(dst, '}')
}

// key appends a map key, whatever it is, as a string.
func (p *printer) key(dst []byte) []byte {
	src := p.src
	t, payload := p.next()
	switch t.Kind {
	case wire.Bin:
		// Some languages have no other strings.
		if utf8.Valid(payload) {
			return appendString(dst, payload)
		}
	case wire.Array, wire.Map:
		return p.containerKey(dst, src)
	}
	text := appendScalar(nil, t, payload)
	if text[0] == '"' {
		return append(dst, text...)
	}
	return appendString(dst, text)
}

// containerKey appends a key that is an array or a map. Each string in a string
// escapes the quotes of the inner one, so nesting would double the length with
// each level: one level is shown as JSON, those inside it as base64.
func (p *printer) containerKey(dst, src []byte) []byte {
	n, _ := codec.Next(src) // checked
	src, p.src = src[:n], src[n:]
	if p.inKey {
		return appendBase64(dst, src)
	}
	inner := printer{src: src, inKey: true}
	return appendString(dst, inner.value(nil))
}

// appendScalar appends the value of any token that is no container.
func appendScalar(dst []byte, t wire.Token, payload []byte) []byte {
	switch t.Kind {
	case wire.Bool:
		return strconv.AppendBool(dst, t.Num != 0)
	case wire.Uint:
		return strconv.AppendUint(dst, t.Num, 10)
	case wire.Int:
		return strconv.AppendInt(dst, int64(t.Num), 10)
	case wire.Float32:
		return appendFloat(dst, float64(math.Float32frombits(uint32(t.Num))), 32)
	case wire.Float64:
		return appendFloat(dst, math.Float64frombits(t.Num), 64)
	case wire.Str:
		return appendString(dst, payload)
	case wire.Bin:
		return appendBin(dst, payload)
	case wire.Ext:
		return appendExt(dst, t.Type, payload)
	}
	return append(dst, "null"...)
}

// appendFloat appends f so that it reads back as a float: 1 is 1.0. Like
// JavaScript it changes to an exponent below 1e-6 and from 1e21.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	case f == math.Trunc(f):
		return append(strconv.AppendFloat(dst, f, 'f', -1, bits), ".0"...)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

// appendBin appends bytes as an object, so that they are not taken for text.
func appendBin(dst, b []byte) []byte {
	return append(appendBase64(append(dst, `{"bin":`...), b), '}')
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

func appendExt(dst []byte, typ int8, payload []byte) []byte {
	if typ == wire.TimeType {
		if at, ok := timestamp(payload); ok {
			dst = append(dst, '"')
			dst = at.AppendFormat(dst, time.RFC3339Nano)
			return append(dst, '"')
		}
	}
	dst = append(dst, `{"type":`...)
	dst = strconv.AppendInt(dst, int64(typ), 10)
	dst = append(dst, `,"data":`...)
	dst = appendBase64(dst, payload)
	return append(dst, '}')
}

// timestamp reads the payload of a timestamp, in UTC. It refuses one that RFC
// 3339 cannot express.
func timestamp(b []byte) (time.Time, bool) {
	sec, nsec, ok := wire.Time(b)
	const year0, year10000 = -62167219200, 253402300800 // their first seconds
	if !ok || nsec >= 1e9 || sec < year0 || sec >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(sec, int64(nsec)).UTC(), true
}

// appendString appends s as a JSON string, or as bytes if it is no UTF-8.
func appendString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	before := len(dst)
	dst = append(dst, '"')
	start := 0 // of the bytes that stand for themselves
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError && size == 1 {
				return appendBin(dst[:before], s)
			}
			i += size
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i-1]...)
		start = i
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}
