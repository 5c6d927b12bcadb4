package shmq

import (
	"errors"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/mapped"
)

// Sync returns when all that is in the queue of that name at this moment, from all
// participants, is on stable storage. It needs neither a role nor a seat. In a filesystem in
// memory it does nothing. Errors: ErrSync, and those of Stat.
func Sync(name string) error {
	q, err := mapped.Open(name, true)
	if err == nil {
		err = gate.NotSynced(q, q.Touch(func() error { return gate.Sync(q) }))
		err = errors.Join(err, q.Close())
	}
	return fail.In("sync", name, err)
}
