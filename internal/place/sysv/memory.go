package sysv

import (
	"io/fs"

	"github.com/shmq/shmq/internal/sys"
)

// memory is a segment as a queue's memory.
type memory struct {
	sys.Segment
	header []byte // a copy of how it begins
}

// Stat describes the segment as it is now.
func (m *memory) Stat() (size int64, mode fs.FileMode, uid int, err error) {
	now, err := sys.StatSegment(m.ID)
	return now.Size, now.Mode, now.UID, err
}

// ReadAt reads the copy.
func (m *memory) ReadAt(b []byte, off int64) (int, error) {
	return copy(b, m.header[min(off, int64(len(m.header))):]), nil
}

// Shrinkable says no: a segment has its size for good.
func (m *memory) Shrinkable() bool { return false }
