package place

import (
	"fmt"
	"path/filepath"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/sys"
)

// NoRoom says which room is lacking where a file of size bytes could not be made at path,
// and what to do. Other errors are returned as they are.
func NoRoom(path string, size int64, err error) error {
	if !sys.IsNoSpace(err) {
		return err
	}
	dir := filepath.Dir(path)
	left, _ := sys.Free(dir)
	if sys.IsOverQuota(err) {
		return fmt.Errorf("%w: %w: a quota of bytes or files in %s is used up, and the queue takes %d bytes; make it with fewer or smaller slots, remove queues there (shmq gc), or ask for a larger quota", fail.ErrNoSpace, err, dir, size)
	}
	if files, err := sys.FreeFiles(dir); err == nil && files == 0 && left >= size {
		return fmt.Errorf("%w: %s has no file left to give (inodes); remove files there (shmq gc), or mount it with more of them (nr_inodes=)", fail.ErrNoSpace, dir)
	}
	return fmt.Errorf("%w: %w: the queue takes %d bytes, %s has %d left; make it with fewer or smaller slots, free some, or enlarge it (a container's /dev/shm: docker run --shm-size)", fail.ErrNoSpace, err, size, dir, left)
}
