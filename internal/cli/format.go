package cli

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// format is one way to cut a stream of bytes into records, and back.
type format struct {
	name string
	// text is what people and their tools read, record by record.
	text bool
	// send reads in to its end and adds the records to out. It returns the error of
	// in or out as it is, and data that is no record as errData.
	send func(in io.Reader, out *outbox) error
	// recv appends a record to the page. It reads each byte of the record once
	// before it trusts it: another process may be writing there.
	recv func(to *page, record []byte) error
}

var formats = []format{
	{"lines", true, sendTexts('\n', "line"), recvTexts('\n')},
	{"null", true, sendTexts(0, "item"), recvTexts(0)},
	{"json", true, sendJSON, recvJSON},
	{"msgpack", false, sendMsgpack, recvMsgpack},
	{"raw", false, sendRaw, recvRaw},
}

// formatFlag is a flag: the name of a format.
type formatFlag struct{ format }

func (f *formatFlag) String() string { return f.name }
func (f *formatFlag) Type() string   { return strings.Join(formatNames(), "|") }

func (f *formatFlag) Set(s string) error {
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == s })
	if i < 0 {
		return fmt.Errorf("want one of %s", strings.Join(formatNames(), ", "))
	}
	f.format = formats[i]
	return nil
}

func formatNames() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// readSize is what one read of stdin asks for: twice what a pipe holds.
const readSize = 128 << 10

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
