package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// entry is a frame in the file.
type entry struct {
	offset int64 // of the payload
	length int
	anew   bool
	time   time.Time
}

// index is what a file has: whole frames up to end, and behind them the torn beginning of one, or
// something else.
type index struct {
	entries []entry
	end     int64
	torn    int64 // bytes behind end
	damaged error // what is behind end is not the beginning of a frame
}

// scan finds the frames of a file of size bytes. Each is checked, and none unpacked.
func scan(r io.ReaderAt, size int64) (*index, error) {
	head := make([]byte, min(int64(headerSize), size))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := checkHeader(head); err != nil {
		return nil, err
	}
	x := &index{torn: size}
	if size < int64(headerSize) {
		return x, nil
	}
	var payload []byte
	for x.end = int64(headerSize); ; {
		x.torn = size - x.end
		if x.torn < frameHead {
			return x, nil
		}
		var head [frameHead]byte
		if _, err := r.ReadAt(head[:], x.end); err != nil {
			return nil, err
		}
		n := int64(binary.LittleEndian.Uint32(head[:]))
		rest := x.torn - frameHead - n
		switch {
		case n > maxPayload || n < 9:
			x.damaged = fmt.Errorf("a frame of %d bytes", n)
			return x, nil
		case rest < 0:
			return x, nil
		}
		if int64(cap(payload)) < n {
			payload = make([]byte, n)
		}
		payload = payload[:n]
		if _, err := r.ReadAt(payload, x.end+frameHead); err != nil {
			return nil, err
		}
		if sum(head[:4], payload) != binary.LittleEndian.Uint32(head[4:]) {
			x.damaged = errors.New("a frame with a wrong checksum")
			return x, nil
		}
		x.entries = append(x.entries, entry{x.end + frameHead, int(n), payload[0] == 1, time.UnixMicro(int64(binary.LittleEndian.Uint64(payload[1:])))})
		x.end += frameHead + n
	}
}

func sum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}
