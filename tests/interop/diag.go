package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// diagnose returns the text of the one msgpack value in b:
//
//	nil  true  5  5.0  "text"  h'00ff'  [1, 2]  {"k": 7}
//	2020-01-01T00:00:00Z  ext(5, h'00')
//
// The entries of a map are in the order of their texts, and a byte of a string
// that is no UTF-8 is \xff. This reads the bytes by itself, so that no library
// is the judge of its own work.
func diagnose(b []byte) string {
	s, rest, err := diagnoseNext(b)
	switch {
	case err != nil:
		return fmt.Sprintf("not msgpack: % x", b)
	case len(rest) > 0:
		return s + " and then " + diagnose(rest)
	}
	return s
}

// reader takes what it is asked for from the front of b.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.err = fmt.Errorf("short by %d bytes", n-uint64(len(r.b)))
		n = uint64(len(r.b))
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// number reads an unsigned integer of so many bytes.
func (r *reader) number(bytes int) uint64 {
	var p [8]byte
	copy(p[8-bytes:], r.take(uint64(bytes)))
	return binary.BigEndian.Uint64(p[:])
}

func diagnoseNext(b []byte) (string, []byte, error) {
	r := &reader{b: b}
	s := r.value()
	return s, r.b, r.err
}

func (r *reader) value() string {
	if r.err != nil || len(r.b) == 0 {
		r.take(1)
		return ""
	}
	c := r.take(1)[0]
	switch {
	case c < 0x80:
		return strconv.Itoa(int(c))
	case c < 0x90:
		return r.entries(uint64(c & 0xf))
	case c < 0xa0:
		return r.elements(uint64(c & 0xf))
	case c < 0xc0:
		return quote(string(r.take(uint64(c & 0x1f))))
	case c >= 0xe0:
		return strconv.Itoa(int(int8(c)))
	}
	switch c {
	case 0xc0:
		return "nil"
	case 0xc2:
		return "false"
	case 0xc3:
		return "true"
	case 0xc4, 0xc5, 0xc6:
		return quoteBytes(r.take(r.number(1 << (c - 0xc4))))
	case 0xc7, 0xc8, 0xc9:
		return r.ext(r.number(1 << (c - 0xc7)))
	case 0xca:
		return float(float64(math.Float32frombits(uint32(r.number(4)))))
	case 0xcb:
		return float(math.Float64frombits(r.number(8)))
	case 0xcc, 0xcd, 0xce, 0xcf:
		return strconv.FormatUint(r.number(1<<(c-0xcc)), 10)
	case 0xd0, 0xd1, 0xd2, 0xd3:
		bytes := 1 << (c - 0xd0)
		shift := 64 - 8*bytes
		return strconv.FormatInt(int64(r.number(bytes)<<shift)>>shift, 10)
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return r.ext(1 << (c - 0xd4))
	case 0xd9, 0xda, 0xdb:
		return quote(string(r.take(r.number(1 << (c - 0xd9)))))
	case 0xdc, 0xdd:
		return r.elements(r.number(2 << (c - 0xdc)))
	case 0xde, 0xdf:
		return r.entries(r.number(2 << (c - 0xde)))
	}
	r.err = fmt.Errorf("code %#x", c)
	return ""
}

func (r *reader) elements(n uint64) string {
	var out []string
	for ; n > 0 && r.err == nil; n-- {
		out = append(out, r.value())
	}
	return list(out)
}

func (r *reader) entries(n uint64) string {
	var out []string
	for ; n > 0 && r.err == nil; n-- {
		key := r.value()
		out = append(out, key+": "+r.value())
	}
	return entries(out)
}

func list(texts []string) string { return "[" + strings.Join(texts, ", ") + "]" }

func entries(texts []string) string {
	slices.Sort(texts)
	return "{" + strings.Join(texts, ", ") + "}"
}

func (r *reader) ext(n uint64) string {
	kind := int8(r.number(1))
	p := r.take(n)
	if kind == -1 {
		switch n {
		case 4:
			return instant(int64(binary.BigEndian.Uint32(p)), 0)
		case 8:
			w := binary.BigEndian.Uint64(p)
			return instant(int64(w&(1<<34-1)), int64(w>>34))
		case 12:
			return instant(int64(binary.BigEndian.Uint64(p[4:])), int64(binary.BigEndian.Uint32(p)))
		}
	}
	return extension(int(kind), p)
}

func extension(kind int, p []byte) string {
	return fmt.Sprintf("ext(%d, %s)", kind, quoteBytes(p))
}

func instant(seconds, nanoseconds int64) string {
	if nanoseconds < 0 || nanoseconds > 999999999 {
		return fmt.Sprintf("time of %d s and %d ns", seconds, nanoseconds)
	}
	t := time.Unix(seconds, nanoseconds).UTC()
	if t.Unix() != seconds || t.Year() > 9999 || t.Year() < 1 {
		return fmt.Sprintf("time of %d s and %d ns", seconds, nanoseconds)
	}
	return t.Format(time.RFC3339Nano)
}

func float(f float64) string {
	if math.IsNaN(f) {
		return "NaN"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".eI") {
		s += ".0"
	}
	return s
}

func quoteBytes(b []byte) string {
	return "h'" + hex.EncodeToString(b) + "'"
}

func quote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for len(s) > 0 {
		c, n := utf8.DecodeRuneInString(s)
		switch {
		case c == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, `\x%02x`, s[0])
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(s[0])
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&out, `\u%04x`, c)
		default:
			out.WriteString(s[:n])
		}
		s = s[n:]
	}
	out.WriteByte('"')
	return out.String()
}

// Forms in which peers print values, since their languages format numbers
// and times in many ways.
var (
	peerFloat   = regexp.MustCompile(`\bf\(([^()]+)\)`)
	peerTime    = regexp.MustCompile(`\btime\((-?\d+),(-?\d+)\)`)
	peerExt     = regexp.MustCompile(`\bext\((-?\d+),h'`)
	peerAddress = regexp.MustCompile(`0x[0-9a-f]{6,}`)
)

// fromPeer brings the text that a peer printed into the form of diagnose.
func fromPeer(s string) string {
	s = peerFloat.ReplaceAllStringFunc(s, func(m string) string {
		f, err := strconv.ParseFloat(m[2:len(m)-1], 64)
		if err != nil {
			return m
		}
		return float(f)
	})
	s = peerTime.ReplaceAllStringFunc(s, func(m string) string {
		n := peerTime.FindStringSubmatch(m)
		seconds, err1 := strconv.ParseInt(n[1], 10, 64)
		nanoseconds, err2 := strconv.ParseInt(n[2], 10, 64)
		if err1 != nil || err2 != nil {
			return m
		}
		return instant(seconds, nanoseconds)
	})
	s = peerExt.ReplaceAllString(s, "ext($1, h'")
	return tidy(s)
}

// tidy makes a text the same in every run: addresses are left out of it.
func tidy(s string) string {
	return peerAddress.ReplaceAllString(s, "0x…")
}
