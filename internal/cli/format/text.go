package format

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/shmq/shmq/internal/wire"
)

// cutTexts cuts the input at each separator. The text that follows the last one is a record
// too, unless it is empty.
func cutTexts(sep byte, what string) func(io.Reader, *Batch) error {
	return func(in io.Reader, to *Batch) error {
		to.Unit = what
		limit := textRoom(to.MaxRecord)
		buf := make([]byte, textAhead+ReadSize)
		start, end := textAhead, textAhead // of the bytes that are read and not cut yet
		for {
			scanned := end
			if start > textAhead {
				if err := to.Flush(); err != nil { // the records lie there
					return err
				}
				scanned = textAhead + copy(buf[textAhead:], buf[start:end])
				start, end = textAhead, scanned
			}
			if end == len(buf) {
				buf = append(buf, make([]byte, len(buf))...)
			}
			n, err := in.Read(buf[end:])
			end += n
			// Separators are no part of a longer character: where all is UTF-8,
			// each text is, and a check of all is faster than one of each.
			last := bytes.LastIndexByte(buf[scanned:end], sep)
			utf8s := last >= 0 && utf8.Valid(buf[start:scanned+last])
			if last >= 0 {
				c := cutter{to, buf[:scanned+last+1], sep, utf8s, limit}
				var bad error
				if start, bad = c.cut(start, scanned); bad != nil {
					return bad
				}
			}
			switch {
			case end-start > limit:
				return tooLarge(limit)
			case err == io.EOF && end > start:
				return addText(to, buf[start:end], false, limit)
			case err == io.EOF:
				return nil
			case err != nil:
				return err
			}
		}
	}
}

// addText adds a string, or binary when it is not UTF-8. isUTF8 spares the check.
func addText(to *Batch, text []byte, isUTF8 bool, limit int) error {
	if len(text) > limit {
		return tooLarge(limit)
	}
	if isUTF8 || utf8.Valid(text) {
		to.Buf = wire.AppendStr(to.Buf, text)
	} else {
		to.Buf = wire.AppendBin(to.Buf, text)
	}
	return to.Added()
}

// textWord adds a word as it is.
func textWord(to *Batch, word string) error {
	to.Unit = "word"
	return addText(to, []byte(word), false, textRoom(to.MaxRecord))
}

// putTexts writes text and binary as it is, anything else as JSON, each with the
// separator behind it.
func putTexts(sep byte) func(*Page, []byte) error {
	return func(to *Page, record []byte) error {
		// A short string, for speed: its header is read once, and is all that it takes.
		if n := len(record); n-1 < shortText && n > 0 && record[0] == shortHeader|byte(n-1) {
			to.Buf = append(append(to.Buf, record[1:]...), sep)
			return nil
		}
		if text, ok := Text(record); ok {
			to.Buf = append(to.Buf, text...)
		} else if err := to.JSON(record); err != nil {
			return err
		}
		to.Buf = append(to.Buf, sep)
		return nil
	}
}

// Text returns the content of a record that is a string or binary.
func Text(record []byte) ([]byte, bool) {
	if len(record) > 0 {
		if c := record[0]; c>>5 == 0xa0>>5 && int(c&31) == len(record)-1 {
			return record[1:], true // a short string, for speed
		}
	}
	t, err := wire.Parse(record)
	if err != nil || t.Kind != wire.Str && t.Kind != wire.Bin || t.Size() != len(record) {
		return nil, false
	}
	return t.Payload(record), true
}
