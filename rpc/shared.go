package rpc

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/file"
)

var errNotShared = fmt.Errorf("%w: each consumer of the queue gets every record, so each server would answer each request; servers have to share them: a queue with Consumers: Many (--consumers many), or One", shmq.ErrOption)

// sharedOnly refuses to make a request queue of which each consumer gets every record, and returns
// a function to be called when the queue is there, as Options.Admit, which refuses one that
// exists. admit, unless nil, is called before that.
func sharedOnly(queue string, create *shmq.Options, admit func() error) (func() error, error) {
	if create.Consumers == shmq.Each {
		return nil, errNotShared
	}
	return func() error {
		if admit != nil {
			if err := admit(); err != nil {
				return err
			}
		}
		return shared(queue)
	}, nil
}

// shared looks at the queue that has the name. What else may be wrong with it is told by what
// attaches to it.
func shared(queue string) error {
	path, err := requestPath(queue)
	if err != nil {
		return nil
	}
	h, err := file.New(path, path, false).Open(false)
	if err != nil {
		return nil
	}
	header, err := place.ReadHeader(h)
	if err == nil && header.Each {
		err = errNotShared
	} else {
		err = nil
	}
	return errors.Join(err, h.Close())
}
