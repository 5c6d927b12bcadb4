package format

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/shmq/shmq/internal/wire"
)

// One makes one msgpack value, of at most limit bytes, of all of data. Text is all of it but for
// the one separator at its end, raw is a binary value; data of other formats has to be one value.
func (f Format) One(data []byte, limit int) ([]byte, error) {
	switch f.Name {
	case "lines", "null":
		sep := []byte{'\n'}
		if f.Name == "null" {
			sep[0] = 0
		}
		data = bytes.TrimSuffix(data, sep)
		if utf8.Valid(data) {
			return bounded(wire.AppendStr(nil, data), limit)
		}
		return bounded(wire.AppendBin(nil, data), limit)
	case "raw":
		return bounded(wire.AppendBin(nil, data), limit)
	}
	var one []byte
	b := &Batch{MaxRecord: limit, SlotSize: limit, Full: 1}
	b.Flush = func() error {
		defer b.Reset()
		if len(b.Recs) > 0 && one != nil {
			return errSecond
		}
		for _, value := range b.Recs {
			one = append([]byte{}, value...)
		}
		return nil
	}
	if err := f.Cut(bytes.NewReader(data), b); err != nil {
		return nil, err
	}
	if one == nil {
		return nil, errNone
	}
	return one, nil
}

var (
	errSecond error = &Error{"there is more than one value"}
	errNone   error = &Error{"there is no value"}
)

func bounded(value []byte, limit int) ([]byte, error) {
	if len(value) > limit {
		return nil, &Error{fmt.Sprintf("it has %d bytes, the limit is %d", len(value), limit)}
	}
	return value, nil
}
