package place

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/layout"
)

// ByteOrder refuses machines on which the layout's numbers would have to be swapped.
func ByteOrder() error {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return fmt.Errorf("shmq needs a little-endian machine, %s is not: %w", runtime.GOARCH, errors.ErrUnsupported)
	}
	return nil
}

// ReadPage copies what is used of the header page into private memory, as far as there is
// any, and returns it with the size of the whole. It refuses what is no regular file.
func ReadPage(m Memory) (page []byte, size int64, err error) {
	size, mode, _, err := m.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !mode.IsRegular() {
		return nil, 0, fmt.Errorf("%w: it is no regular file", fail.ErrNotQueue)
	}
	page = make([]byte, layout.HeaderUsed)
	n, err := m.ReadAt(page, 0)
	return page[:n], size, err
}

// ReadHeader reads the header and validates it.
func ReadHeader(m Memory) (layout.Header, error) {
	page, size, err := ReadPage(m)
	if err != nil {
		return layout.Header{}, err
	}
	h, err := layout.Validate(page, size)
	if err != nil {
		return h, err
	}
	return h, Mappable(h)
}

// Mappable refuses a queue that is larger than what this process can address.
func Mappable(h layout.Header) error {
	if total := h.TotalSize(); uint64(int(total)) != total || int(total) < 0 {
		return fmt.Errorf("%w: the queue has %d bytes", fail.ErrUnmappable, total)
	}
	return nil
}
