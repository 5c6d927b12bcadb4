package shmq

import (
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/name"
)

// Create makes a queue. It is complete, and its memory is reserved, before its
// name appears; of two processes that create the same name one gets fs.ErrExist.
// Other errors: ErrName, ErrOption, fs.ErrPermission, ErrNoSpace when the filesystem or the
// memory cannot hold it, ErrSync. opts may be nil.
func Create(queue string, opts *Options) error {
	at, err := name.Find(queue)
	if err != nil {
		return err
	}
	s, err := opts.spec()
	if err == nil {
		err = at.Create(s)
	}
	return fail.In("create", queue, err)
}
