package jsonpack

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/shmq/shmq/internal/wire"
)

// number appends the number at the next byte.
func (r *Reader) number(dst []byte) ([]byte, error) {
	offset := r.in.offset()
	fault := func(err error) ([]byte, error) {
		return dst, &SyntaxError{Offset: offset, Line: r.in.line, Err: err}
	}
	if err := r.numberText(); err != nil {
		return dst, err
	}
	whole, ok := scanNumber(r.text)
	if !ok {
		return fault(fmt.Errorf("invalid number %.40s", r.text))
	}
	text := string(r.text)
	if whole && text != "-0" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return wire.AppendInt(dst, n), nil
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return wire.AppendUint(dst, n), nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fault(errOverflow)
	}
	return wire.AppendFloat64(dst, f), nil
}

// numberText moves all bytes that a number can consist of to r.text.
func (r *Reader) numberText() error {
	r.text = r.text[:0]
	for {
		rest := r.in.buf[r.in.pos:]
		n := 0
		for n < len(rest) && (isDigit(rest[n]) || strings.IndexByte("-+.eE", rest[n]) >= 0) {
			n++
		}
		r.text = append(r.text, rest[:n]...)
		r.in.pos += n
		if n < len(rest) {
			return nil
		}
		if err := r.in.fill(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// scanNumber reports whether s is a number by the grammar of JSON, and whether
// it has neither fraction nor exponent.
func scanNumber(s []byte) (whole, ok bool) {
	at := func(i int) byte {
		if i < len(s) {
			return s[i]
		}
		return 0
	}
	digits := func(i int) int {
		for isDigit(at(i)) {
			i++
		}
		return i
	}
	start := 0
	if at(0) == '-' {
		start = 1
	}
	end := digits(start)
	if end == start || at(start) == '0' && end > start+1 {
		return false, false
	}
	whole = end == len(s)
	if at(end) == '.' {
		start = end + 1
		if end = digits(start); end == start {
			return false, false
		}
	}
	if at(end) == 'e' || at(end) == 'E' {
		start = end + 1
		if at(start) == '+' || at(start) == '-' {
			start++
		}
		if end = digits(start); end == start {
			return false, false
		}
	}
	return whole, end == len(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
