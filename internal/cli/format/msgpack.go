package format

import (
	"io"

	"github.com/shmq/shmq/codec"
)

// cutMsgpack cuts out each value of a stream of msgpack, as it is.
func cutMsgpack(in io.Reader, to *Batch) error {
	to.Unit = "value"
	buf := make([]byte, ReadSize)
	start, end := 0, 0 // of the bytes that are read and not added yet
	offset := int64(0) // of buf[0] in the stream
	var foreign structures
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
			if err == io.ErrUnexpectedEOF && end-start > to.MaxRecord {
				return tooLarge(to.MaxRecord)
			}
			if err == io.ErrUnexpectedEOF {
				break // until more is read
			}
			if err != nil {
				return badData("the value at byte %d of the input: %v", offset+int64(start), err)
			}
			if foreign.look(buf[start : start+n]) {
				to.warn(structuresWarning, foreign.values)
			}
			to.Buf = append(to.Buf, buf[start:start+n]...)
			if err := to.Added(); err != nil {
				return err
			}
			start += n
		}
		switch {
		case err == io.EOF && start < end:
			return badData("the input ends inside the value at byte %d", offset+int64(start))
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// putMsgpack writes records one after another, as they are.
func putMsgpack(to *Page, record []byte) error {
	start := len(to.Buf)
	to.Buf = append(to.Buf, record...)
	if err := codec.Check(to.Buf[start:]); err != nil {
		to.Buf = to.Buf[:start]
		return err
	}
	return nil
}
