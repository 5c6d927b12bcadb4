// Package format cuts streams of bytes into records, and makes bytes of records again.
// It knows no queue.
package format

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// Format is one way to cut a stream of bytes into records, and back.
type Format struct {
	Name string
	// Text: the output is for people and their tools, record by record.
	Text bool
	// Cut reads in to its end and adds the records to the batch. It returns the error
	// of in or of the batch as it is, and data that is no record as an *Error. The
	// last records may still be in the batch.
	Cut func(in io.Reader, to *Batch) error
	// Word adds the records of one word of a command line. It is nil for a format that
	// has no words.
	Word func(to *Batch, word string) error
	// Put appends a record to the page. It reads each byte of the record once
	// before it trusts it: another process may be writing there.
	Put func(to *Page, record []byte) error
}

// All are the formats; the first is the default.
var All = []Format{
	{"lines", true, cutTexts('\n', "line"), textWord, putTexts('\n')},
	{"null", true, cutTexts(0, "item"), textWord, putTexts(0)},
	{"json", true, cutJSON, jsonWord, putJSON},
	{"msgpack", false, cutMsgpack, nil, putMsgpack},
	{"raw", false, cutRaw, rawWord, putRaw},
}

// Find returns the format of a name.
func Find(name string) (Format, bool) {
	i := slices.IndexFunc(All, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return All[i], true
}

// Names returns the names of all formats.
func Names() (names []string) {
	for _, f := range All {
		names = append(names, f.Name)
	}
	return names
}

// Error says why the data after the last record of a batch is no record.
type Error struct{ text string }

func (e *Error) Error() string { return e.text }

func badData(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// ReadSize is what one read of the input asks for: twice what a pipe holds.
const ReadSize = 128 << 10

// textRoom returns how many bytes of text or binary fit into size bytes together
// with their msgpack header.
//
// Preconditions: size >= 64.
func textRoom(size int) int {
	switch {
	case size >= math.MaxUint16+1+5:
		return size - 5 // a record is shorter than 2 GiB
	case size >= math.MaxUint8+1+3:
		return min(size-3, math.MaxUint16)
	}
	return min(size-2, math.MaxUint8)
}
