package shared

import (
	"errors"
	"fmt"
	"os"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/sys"
)

// ErrTooLarge: the other end asks for a larger buffer than this one allows for.
var ErrTooLarge = errors.New("the buffer is too large")

// Create makes the memory of a connection whose buffers hold that many bytes each, and maps
// it for the dialling end. The file is for the other end; the caller closes it. Errors:
// ErrNoSpace, ErrRefused.
func Create(buffer int) (_ *Memory, _ *os.File, err error) {
	g := geometryFor(buffer)
	f, err := sys.CreateAnonymous(0o600)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("%w: %w", fail.ErrRefused, err)
	}
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := f.Allocate(size(g)); err != nil {
		if sys.IsNoSpace(err) || sys.IsNoMemory(err) {
			err = fmt.Errorf("%w: %w: a connection takes %d bytes; dial with a smaller Buffer", fail.ErrNoSpace, err, size(g))
		}
		return nil, nil, err
	}
	if err := f.WriteAt(encode(g), 0); err != nil {
		return nil, nil, err
	}
	if err := f.Seal(); err != nil {
		return nil, nil, err
	}
	m, err := mapFile(f, g, dialling)
	if err != nil {
		return nil, nil, err
	}
	return m, f.OSFile(), nil
}

// Open maps what the other end sent, for the accepting end, if it is the memory of a
// connection whose buffers hold most bytes at most. Errors: ErrForeign, ErrVersion,
// ErrTooLarge, ErrRefused.
func Open(f *os.File, most int) (m *Memory, err error) {
	err = sys.With(f, func(f *sys.File) error {
		m, err = open(f, most)
		return err
	})
	return m, err
}

func open(f *sys.File, most int) (*Memory, error) {
	size, mode, _, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case !mode.IsRegular():
		return nil, fmt.Errorf("%w: no file in memory", ErrForeign)
	case f.Shrinkable():
		// A file that can be cut under its mapping, or a mapping whose pages come from a
		// filesystem of the other end's own, could stop or end this process.
		return nil, fmt.Errorf("%w: it is not sealed", ErrForeign)
	case f.HugePage() != 0:
		return nil, fmt.Errorf("%w: its pages are huge, and can be missing", ErrForeign)
	}
	if read, write, err := f.Access(); err != nil || !read || !write || !f.Writable() {
		return nil, errors.Join(fmt.Errorf("%w: it can't be read and written", ErrForeign), err)
	}
	head := make([]byte, headSize)
	n, err := f.ReadAt(head, 0)
	if err != nil {
		return nil, err
	}
	g, err := decode(head[:n], size)
	if err != nil {
		return nil, err
	}
	if buffer := g.Slots * g.AreaSize; buffer > uint64(most) {
		return nil, fmt.Errorf("%w: %d bytes each way, the limit is %d", ErrTooLarge, buffer, most)
	}
	return mapFile(f, g, accepting)
}
