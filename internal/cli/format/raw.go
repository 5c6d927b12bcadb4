package format

import (
	"io"
	"strings"

	"github.com/shmq/shmq/internal/wire"
)

// cutRaw makes binary records that take a slot each of the input. The bytes of a read
// are records at once.
func cutRaw(in io.Reader, to *Batch) error {
	to.Unit = "piece"
	piece := min(textRoom(to.SlotSize), ReadSize)
	buf := make([]byte, ReadSize/piece*piece)
	for {
		n, err := in.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			k := min(piece, len(rest))
			to.Buf = wire.AppendBin(to.Buf, rest[:k])
			if err := to.Added(); err != nil {
				return err
			}
			rest = rest[k:]
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// rawWord adds the bytes of a word. Those of an empty one are an empty record, as with lines: who
// writes down a word does not expect that nothing is sent.
func rawWord(to *Batch, word string) error {
	if word == "" {
		to.Unit, to.Buf = "piece", wire.AppendBin(to.Buf, nil)
		return to.Added()
	}
	return cutRaw(strings.NewReader(word), to)
}

// putRaw writes the content of text and binary, and any other record, msgpack or not,
// as it is: so it never fails, and shows what other formats refuse.
func putRaw(to *Page, record []byte) error {
	if text, ok := Text(record); ok {
		record = text
	}
	to.Buf = append(to.Buf, record...)
	return nil
}
