package sys

import "golang.org/x/sys/unix"

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
