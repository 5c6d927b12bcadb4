package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Writer appends frames to a recording. It is for one goroutine.
type Writer struct {
	file   *os.File
	end    int64 // of the whole frames
	state  state
	since  int // frames since one that starts anew
	frames int
	cut    int64
}

// Append opens a recording to append to, and makes the file if there is none. A torn frame at its
// end is cut off. A file of another kind, and one that is damaged elsewhere, is an error and
// stays as it is; so is one that another Writer has.
func Append(path string) (_ *Writer, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			if !errors.As(err, new(*fs.PathError)) {
				err = fmt.Errorf("%s: %w", path, err)
			}
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: no regular file", ErrNotHistory)
	}
	if err := lock(f); err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil { // it may have grown before the lock
		return nil, err
	}
	x, err := scan(f, info.Size())
	if err != nil {
		return nil, err
	}
	if x.damaged != nil {
		return nil, fmt.Errorf("%w at byte %d: %w; replay it for what is before that, and record to another file", ErrDamaged, x.end, x.damaged)
	}
	w := &Writer{file: f, end: x.end}
	if x.end == 0 {
		if _, err := f.WriteAt(append([]byte(magic), Version), 0); err != nil {
			return nil, err
		}
		w.end = int64(headerSize)
	} else if w.cut = x.torn; w.cut > 0 {
		if err := f.Truncate(w.end); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Cut returns how many bytes of a torn frame were cut off.
func (w *Writer) Cut() int64 { return w.cut }

// Frames returns how many frames were appended.
func (w *Writer) Frames() int { return w.frames }

// Size returns the size of the file.
func (w *Writer) Size() int64 { return w.end }

// Write appends a frame. After an error the file has the frames before it, and none follows.
func (w *Writer) Write(f *Frame) error {
	payload, err := w.state.encode(f, w.since == 0)
	if err != nil {
		return err
	}
	if len(payload) > maxPayload {
		return fmt.Errorf("%s: a frame of %d bytes is too large; name fewer queues", w.file.Name(), len(payload))
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	b := append(binary.LittleEndian.AppendUint32(head, sum(head, payload)), payload...)
	if _, err := w.file.WriteAt(b, w.end); err != nil {
		return errors.Join(err, w.file.Truncate(w.end))
	}
	w.end += int64(len(b))
	w.frames++
	w.since = (w.since + 1) % keyEvery
	return nil
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }
