package rpc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/layout"
)

// shareGroup gives an answer queue the group of its request queue, if that has rights by which
// servers of other users may have come.
func shareGroup(requests fs.FileInfo, mode fs.FileMode, answers string) error {
	if mode&0o060 == 0 || mode>>3&6 == mode&6 {
		return nil
	}
	info, err := os.Lstat(answers)
	if err != nil {
		return err
	}
	want, ok := requests.Sys().(*syscall.Stat_t)
	has, okToo := info.Sys().(*syscall.Stat_t)
	if !ok || !okToo || want.Gid == has.Gid {
		return nil
	}
	if err := os.Lchown(answers, -1, int(want.Gid)); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: servers are those of group %d, of which this process is none, so they could not answer", fs.ErrPermission, want.Gid)
	} else if err != nil {
		return err
	}
	return nil
}

// serversAttached reports whether the queue has a consumer.
func serversAttached(queue string) (_ bool, err error) {
	q, err := mapped.Find(queue)
	if err != nil {
		return false, err
	}
	if err := q.Open(false); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	return q.File.Locked(layout.LockConsumer)
}
