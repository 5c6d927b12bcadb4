package report

import (
	"errors"
	"time"

	"github.com/shmq/shmq"
)

// LastAttach returns when the last participant attached to a queue, or when the queue was
// made.
func LastAttach(name string) (last time.Time, err error) {
	v, err := shmq.View(name)
	if err != nil {
		return last, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return v.LastAttach(), nil
}
