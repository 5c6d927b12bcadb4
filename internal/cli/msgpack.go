package cli

import (
	"io"

	"github.com/shmq/shmq/codec"
)

// sendMsgpack sends each value of a stream of msgpack, as it is.
func sendMsgpack(in io.Reader, out *outbox) error {
	out.what = "value"
	buf := make([]byte, readSize)
	start, end := 0, 0 // of what is read and not sent yet
	offset := int64(0) // of buf[0] in the stream
	for {
		if start > 0 {
			offset += int64(start)
			end = copy(buf, buf[start:end])
			start = 0
		}
		if end == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
		n, err := in.Read(buf[end:])
		end += n
		for start < end {
			n, err := codec.Next(buf[start:end])
			if err == io.ErrUnexpectedEOF && end-start > out.maxRecord {
				return out.tooLarge(out.maxRecord)
			}
			if err == io.ErrUnexpectedEOF {
				break // until more is read
			}
			if err != nil {
				return out.badData("the value at byte %d of the input: %v", offset+int64(start), err)
			}
			out.buf = append(out.buf, buf[start:start+n]...)
			if err := out.added(); err != nil {
				return err
			}
			start += n
		}
		switch {
		case err == io.EOF && start < end:
			return out.badData("the input ends inside the value at byte %d", offset+int64(start))
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// recvMsgpack writes records one after another, as they are.
func recvMsgpack(to *page, record []byte) error {
	start := len(to.buf)
	to.buf = append(to.buf, record...)
	if err := codec.Check(to.buf[start:]); err != nil {
		to.buf = to.buf[:start]
		return err
	}
	return nil
}
