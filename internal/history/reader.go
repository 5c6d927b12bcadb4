package history

import (
	"fmt"
	"os"
	"sort"
	"time"
)

// Reader reads a recording. It is for one goroutine.
type Reader struct {
	file  *os.File
	index *index
	state state
	next  int // the frame that state stands before
}

// Open opens a recording. One that a process still appends to has the frames of now.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: no regular file", ErrNotHistory)
	}
	var x *index
	if err == nil {
		x, err = scan(f, info.Size())
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Reader{file: f, index: x}, nil
}

// Len returns how many whole frames there are.
func (r *Reader) Len() int { return len(r.index.entries) }

// Time returns when frame i was.
func (r *Reader) Time(i int) time.Time { return r.index.entries[i].time }

// At returns the last frame that is not after t, or the first one.
func (r *Reader) At(t time.Time) int {
	n := sort.Search(r.Len(), func(i int) bool { return r.Time(i).After(t) })
	return max(n-1, 0)
}

// Note says what was left out at the end of the file, "" for nothing.
func (r *Reader) Note() string {
	x := r.index
	switch {
	case x.torn == 0:
		return ""
	case x.damaged != nil:
		return fmt.Sprintf("%s: damaged at byte %d (%v): the %d bytes from there on are left out", r.file.Name(), x.end, x.damaged, x.torn)
	}
	return fmt.Sprintf("%s: the last frame is torn, by a kill or a full disk, or is being written: its %d bytes are left out", r.file.Name(), x.torn)
}

// Frame returns frame i. To go on by one is cheap; to jump costs as many frames as to the last
// one that starts anew.
func (r *Reader) Frame(i int) (*Frame, error) {
	if r.next > i || r.next == 0 || i-r.next > keyEvery {
		r.next = i
		for r.next > 0 && !r.index.entries[r.next].anew {
			r.next--
		}
		// The one before is for the flow of this one.
		if r.next == i && i > 0 {
			for r.next--; r.next > 0 && !r.index.entries[r.next].anew; {
				r.next--
			}
		}
		r.state = state{}
	}
	for {
		f, err := r.read(r.next)
		if err != nil {
			r.next = 0
			return nil, err
		}
		if r.next++; r.next > i {
			return f, nil
		}
	}
}

func (r *Reader) read(i int) (*Frame, error) {
	e := r.index.entries[i]
	payload := make([]byte, e.length)
	if _, err := r.file.ReadAt(payload, e.offset); err != nil {
		return nil, err
	}
	f, err := r.state.decode(payload)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: frame %d, at byte %d: %w", r.file.Name(), ErrDamaged, i, e.offset-frameHead, err)
	}
	return f, nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }
