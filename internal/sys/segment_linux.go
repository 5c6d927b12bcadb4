package sys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Flags of System V segments that package unix does not name.
const (
	shmDest    = 0o1000 // in the mode: goes with its last attachment
	shmHuge    = 0o4000
	shmHuge2MB = 21 << 26 // log2 of the size of its pages
)

// Segment describes a System V shared memory segment.
type Segment struct {
	ID         int
	Key        uint32 // 0: IPC_PRIVATE
	Size       int64
	Mode       fs.FileMode
	UID        int
	CreatorUID int
	CreatorPID int
	Attached   int  // mappings, of all processes
	Touched    bool // it has been attached at some time
	Removed    bool // it goes with its last attachment
}

// MayBeWrittenBy reports whether a user may be allowed to write to the segment. It can't tell
// which users are in its group.
func (s *Segment) MayBeWrittenBy(uid int) bool {
	return uid == 0 || uid == s.UID || uid == s.CreatorUID || s.Mode&0o022 != 0
}

// FindSegment returns the segment of a key. It fails with fs.ErrNotExist where none is.
func FindSegment(key uint32) (id int, err error) {
	id, err = retryInt(func() (int, error) { return unix.SysvShmGet(int(int32(key)), 0, 0) })
	return id, segmentError("find", fmt.Sprintf("%#x", key), err)
}

// MakeSegment makes a segment of that key, all zero. It fails with fs.ErrExist where one
// is.
func MakeSegment(key uint32, size int64, mode fs.FileMode, huge bool) (id int, err error) {
	flags := unix.IPC_CREAT | unix.IPC_EXCL | int(mode.Perm())
	if huge {
		flags |= shmHuge | shmHuge2MB
		size = (size + hugeSize - 1) &^ (hugeSize - 1) // to unmap it is to name whole pages
	}
	id, err = retryInt(func() (int, error) { return unix.SysvShmGet(int(int32(key)), int(size), flags) })
	return id, segmentError("make", fmt.Sprintf("%#x", key), err)
}

// StatSegment describes a segment. It fails with fs.ErrNotExist where none has the id.
func StatSegment(id int) (Segment, error) {
	var d unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &d); err != nil {
		return Segment{}, segmentError("stat", strconv.Itoa(id), gone(err))
	}
	return Segment{
		ID: id, Key: uint32(d.Perm.Key), Size: int64(d.Segsz), Mode: fs.FileMode(d.Perm.Mode & 0o777),
		UID: int(d.Perm.Uid), CreatorUID: int(d.Perm.Cuid), CreatorPID: int(d.Cpid),
		Attached: int(d.Nattch), Touched: d.Atime != 0, Removed: uint32(d.Perm.Mode)&shmDest != 0,
	}, nil
}

// RemoveSegment takes the key from a segment. It goes when its last attachment does.
func RemoveSegment(id int) error {
	_, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	return segmentError("remove", strconv.Itoa(id), gone(err))
}

// Map maps a whole segment and returns the first size bytes of it, with a capacity of all
// of it, for Unmap. A forked child does not get the mapping.
func (s *Segment) Map(size int, write bool) ([]byte, error) {
	flags := unix.SHM_RDONLY
	if write {
		flags = 0
	}
	// A child that is forked in between would be attached too, until it executes a program.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	b, err := unix.SysvShmAttach(s.ID, 0, flags)
	if err != nil {
		return nil, limited(segmentError("attach", strconv.Itoa(s.ID), gone(err)))
	}
	if size > len(b) {
		_ = Unmap(b)
		return nil, segmentError("attach", strconv.Itoa(s.ID), fmt.Errorf("%d bytes of %d", size, len(b)))
	}
	if err := unix.Madvise(b, unix.MADV_DONTFORK); err != nil {
		_ = Unmap(b)
		return nil, segmentError("madvise", strconv.Itoa(s.ID), err)
	}
	return b[:size], nil
}

// SegmentLimit says which limit of the IPC namespace kept MakeSegment from making a
// segment of size bytes, or "" if it was none. The kernel has one error for a segment
// that is too large, EINVAL, and another for too many, ENOSPC.
func SegmentLimit(err error, size int64) string {
	max, haveMax := sysctl("shmmax")
	mni, haveMNI := sysctl("shmmni")
	all, haveAll := sysctl("shmall")
	used, usedErr := os.ReadFile("/proc/sysvipc/shm")
	switch {
	case errors.Is(err, unix.EINVAL) && haveMax && uint64(size) > max:
		return fmt.Sprintf("kernel.shmmax is %d, the bytes of one segment", max)
	case !errors.Is(err, unix.ENOSPC):
	case haveMNI && usedErr == nil && uint64(strings.Count(string(used), "\n")-1) >= mni: // a line for each, and one above
		return fmt.Sprintf("kernel.shmmni is %d, the number of segments", mni)
	case haveAll:
		return fmt.Sprintf("kernel.shmall is %d, the pages of all segments", all)
	}
	return ""
}

func sysctl(name string) (uint64, bool) {
	b, err := os.ReadFile("/proc/sys/kernel/" + name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// IPCNamespace tells one IPC namespace from another: segments are known in their own
// only. It is 0 where /proc is missing.
func IPCNamespace() uint64 {
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/ipc", &st) != nil {
		return 0
	}
	return st.Ino
}

// IsUnimplemented reports whether err says that the kernel has no such call.
func IsUnimplemented(err error) bool { return errors.Is(err, unix.ENOSYS) }

// IsNoMemory reports whether err says that there is no memory.
func IsNoMemory(err error) bool { return errors.Is(err, unix.ENOMEM) }

// gone gives the two errors that mean that a segment is not there, or no longer, one
// meaning. An id that is used again has another number in it.
func gone(err error) error {
	if err == unix.EINVAL || err == unix.EIDRM {
		return unix.ENOENT
	}
	return err
}

func segmentError(op, segment string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: "segment " + segment, Err: err}
}
