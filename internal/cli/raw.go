package cli

import (
	"io"

	"github.com/shmq/shmq/internal/wire"
)

// sendRaw sends the input in binary records that take a slot each. What a read
// returns goes out at once.
func sendRaw(in io.Reader, out *outbox) error {
	out.what = "piece"
	piece := min(textRoom(out.slotSize), readSize)
	buf := make([]byte, readSize/piece*piece)
	for {
		n, err := in.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			k := min(piece, len(rest))
			out.buf = wire.AppendBin(out.buf, rest[:k])
			if err := out.added(); err != nil {
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

// recvRaw writes what text and binary hold, and any other record, msgpack or not,
// as it is: so it never fails, and shows what other formats refuse.
func recvRaw(to *page, record []byte) error {
	if text, ok := text(record); ok {
		record = text
	}
	to.buf = append(to.buf, record...)
	return nil
}
