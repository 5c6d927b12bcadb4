package shmq

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// byteOrder refuses machines on which the layout's numbers would have to be swapped.
func byteOrder() error {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return fmt.Errorf("shmq needs a little-endian machine, %s is not: %w", runtime.GOARCH, errors.ErrUnsupported)
	}
	return nil
}

// open opens and validates the queue at a place.
func open(at place, write bool) (*sys.File, layout.Header, error) {
	if err := byteOrder(); err != nil {
		return nil, layout.Header{}, err
	}
	f, err := at.open(write)
	if err != nil {
		return nil, layout.Header{}, err
	}
	h, err := readHeader(f)
	if err != nil {
		return nil, h, errors.Join(remedy(fmt.Errorf("%s: %w", at.shown(), err)), f.Close())
	}
	return f, h, nil
}

// remedy adds to an error about a file what can be done about it.
func remedy(err error) error {
	switch {
	case errors.Is(err, ErrNotQueue):
		return fmt.Errorf("%w; choose another name, or move that file away", err)
	case errors.Is(err, ErrVersion):
		return fmt.Errorf("%w; use the release that made the queue, or remove it by force", err)
	case errors.Is(err, ErrRemoved):
		return fmt.Errorf("%w while attached to it; attach again to make it anew, or to join the one that has its name by now", err)
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w; remove it by force and make it again", err)
	}
	return err
}

// readHeader copies the header into private memory and validates it there.
func readHeader(f *sys.File) (layout.Header, error) {
	size, mode, _, _, err := f.Stat()
	if err != nil {
		return layout.Header{}, err
	}
	if !mode.IsRegular() {
		return layout.Header{}, fmt.Errorf("%w: it is no regular file", ErrNotQueue)
	}
	page := make([]byte, layout.HeaderSize)
	n, err := f.ReadAt(page, 0)
	if err != nil {
		return layout.Header{}, err
	}
	h, err := layout.Validate(page[:n], size)
	if err != nil {
		return h, err
	}
	if total := h.TotalSize(); uint64(int(total)) != total || int(total) < 0 {
		return h, fmt.Errorf("the queue has %d bytes, more than this system can map", total)
	}
	return h, nil
}
