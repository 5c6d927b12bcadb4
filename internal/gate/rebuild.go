package gate

import (
	"errors"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
)

// Broken reports whether the next one to attach would rebuild the queue.
func Broken(q *mapped.Queue) (bool, error) {
	was := q.Ring.Image()
	if was == 0 {
		return false, nil
	}
	if here, err := stamp(q); err != nil || was == here {
		return false, err
	}
	return q.Unattached()
}

// Rehearse tells what a rebuild of the queue would find, and leaves the queue alone: it
// works on a private copy of the mapping.
func Rehearse(q *mapped.Queue) (found ring.Rebuilt, err error) {
	mem, err := q.File.MapPrivate(int(q.Header.TotalSize()))
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, sys.Unmap(mem)) }()
	copied := *q
	copied.Mem = mem
	err = copied.Touch(func() error {
		found, err = ring.Rebuild(mem, q.Header.Geometry)
		return err
	})
	return found, fail.Remedy(err)
}
