package sys

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// Sparse reports whether a file in memory has holes. To read one through a mapping takes a
// page of memory, as writing to it does.
func Sparse(path string) bool {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if retry(func() error { return unix.Statfs(path, &fs) }) != nil || uint32(fs.Type) != unix.TMPFS_MAGIC {
		return false
	}
	// Pages that were swapped out count.
	return retry(func() error { return unix.Stat(path, &st) }) == nil && st.Blocks*512 < st.Size
}

// SparseSegment is Sparse for a segment.
func SparseSegment(id int) bool {
	b, err := readFile("/proc/sysvipc/shm")
	if err != nil {
		return false
	}
	// key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap
	want := strconv.Itoa(id)
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 16 || string(f[1]) != want {
			continue
		}
		size, err1 := strconv.ParseUint(string(f[3]), 10, 63)
		rss, err2 := strconv.ParseUint(string(f[14]), 10, 63)
		swap, err3 := strconv.ParseUint(string(f[15]), 10, 63)
		return err1 == nil && err2 == nil && err3 == nil && rss+swap < size
	}
	return false
}
