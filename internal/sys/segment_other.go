//go:build !linux

package sys

import "io/fs"

// Segment describes a System V shared memory segment.
type Segment struct {
	ID         int
	Key        uint32
	Size       int64
	Mode       fs.FileMode
	UID        int
	CreatorUID int
	CreatorPID int
	Attached   int
	Touched    bool
	Removed    bool
}

func (*File) Owner() (int, ID, error)                           { return 0, ID{}, ErrUnsupported }
func MayUnlink(string) error                                    { return ErrUnsupported }
func IsUnimplemented(error) bool                                { return false }
func FindSegment(uint32) (int, error)                           { return 0, ErrUnsupported }
func MakeSegment(uint32, int64, fs.FileMode, bool) (int, error) { return 0, ErrUnsupported }
func StatSegment(int) (Segment, error)                          { return Segment{}, ErrUnsupported }
func RemoveSegment(int) error                                   { return ErrUnsupported }
func Sparse(string) bool                                        { return false }
func SparseSegment(int) bool                                    { return false }
func SegmentLimit(error, int64) string                          { return "" }
func (*Segment) Map(int, bool) ([]byte, error)                  { return nil, ErrUnsupported }
func (*Segment) MayBeWrittenBy(int) bool                        { return false }
func IPCNamespace() uint64                                      { return 0 }
