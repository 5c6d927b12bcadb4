package jsonpack

import (
	"math"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/shmq/shmq/internal/wire"
)

// str appends the string at the next byte.
func (r *Reader) str(dst []byte) ([]byte, error) {
	r.in.pos++
	r.text = r.text[:0]
	for {
		c, err := r.in.within()
		if err != nil {
			return dst, err
		}
		switch {
		case c == '"':
			r.in.pos++
			if uint64(len(r.text)) > math.MaxUint32 {
				return dst, r.in.fault(errTooLong)
			}
			if !utf8.Valid(r.text) {
				return dst, r.in.fault(errNotUTF8)
			}
			return wire.AppendStr(dst, r.text), nil
		case c == '\\':
			if err := r.escape(); err != nil {
				return dst, err
			}
		case c < ' ':
			return dst, r.in.unexpected(c, "in a string")
		default:
			r.plain()
		}
	}
}

// plain moves bytes that stand for themselves to r.text, as far as they are
// buffered.
func (r *Reader) plain() {
	rest := r.in.buf[r.in.pos:]
	n := 0
	for n < len(rest) && rest[n] != '"' && rest[n] != '\\' && rest[n] >= ' ' {
		n++
	}
	r.text = append(r.text, rest[:n]...)
	r.in.pos += n
}

var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape moves to r.text what the escape at the next byte stands for.
func (r *Reader) escape() error {
	r.in.pos++
	c, err := r.in.within()
	if err != nil {
		return err
	}
	if c == 'u' {
		return r.unicodeEscape()
	}
	return r.shortEscape(c)
}

// shortEscape is escape when c, the next byte, is behind the backslash.
func (r *Reader) shortEscape(c byte) error {
	if escapes[c] == 0 {
		return r.in.unexpected(c, "after \\ in a string")
	}
	r.in.pos++
	r.text = append(r.text, escapes[c])
	return nil
}

// unicodeEscape is escape when u is the next byte. Of a surrogate pair it takes both
// escapes; half a pair is no character.
func (r *Reader) unicodeEscape() error {
	char, err := r.hex4()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(char) {
		if char, err = r.otherHalf(char); err != nil {
			return err
		}
	}
	r.text = utf8.AppendRune(r.text, char)
	return nil
}

// otherHalf takes the escape that has to follow half of a surrogate pair, and returns the
// character that both are.
func (r *Reader) otherHalf(half rune) (rune, error) {
	c, err := r.in.within()
	if err != nil {
		return 0, err
	}
	if c != '\\' {
		return 0, r.in.fault(errHalfPair)
	}
	r.in.pos++
	if c, err = r.in.within(); err != nil {
		return 0, err
	}
	if c != 'u' {
		return 0, r.in.fault(errHalfPair)
	}
	next, err := r.hex4()
	if err != nil {
		return 0, err
	}
	char := utf16.DecodeRune(half, next)
	if char == utf8.RuneError {
		return 0, r.in.fault(errHalfPair)
	}
	return char, nil
}

// hex4 consumes the u at the next byte and four hexadecimal digits.
func (r *Reader) hex4() (rune, error) {
	r.in.pos++
	var n rune
	for range 4 {
		c, err := r.in.within()
		if err != nil {
			return 0, err
		}
		d := hexDigit(c)
		if d < 0 {
			return 0, r.in.unexpected(c, "in a \\u escape")
		}
		n = n<<4 | d
		r.in.pos++
	}
	return n, nil
}

// hexDigit is the value of a hexadecimal digit, -1 of another byte.
func hexDigit(c byte) rune {
	switch {
	case isDigit(c):
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}
