// Package mapped opens, validates and maps a queue, once for whatever is done with it.
package mapped

import (
	"errors"
	"fmt"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Queue is a queue in the hands of this process: found, then open and validated, then
// mapped, until Close. Its fields are set once by these steps; afterwards it is safe for
// concurrent use, except that Close comes last.
type Queue struct {
	Name string
	At   place.Place

	*place.Handle               // from Open on
	Header        layout.Header // validated, in private memory

	Mem    []byte // from Map on, for good: after Close it only tells addresses
	Ring   *ring.Ring
	closed bool
}

// Find returns the queue of that name, which need not exist. Error: ErrName.
func Find(queue string) (*Queue, error) {
	at, err := name.Find(queue)
	if err != nil {
		return nil, err
	}
	return &Queue{Name: queue, At: at}, nil
}

// Open finds, opens and maps the queue of that name. Errors: ErrName, ErrNotQueue,
// ErrVersion, ErrDamaged, ErrRefused, fs.ErrNotExist, fs.ErrPermission.
func Open(queue string, write bool) (*Queue, error) {
	q, err := Find(queue)
	if err != nil {
		return nil, err
	}
	if err := q.Open(write); err != nil {
		return nil, err
	}
	if err := q.Map(write); err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return q, nil
}

// Open opens and validates the queue.
func (q *Queue) Open(write bool) error {
	if err := place.ByteOrder(); err != nil {
		return err
	}
	h, err := q.At.Open(write)
	if err != nil {
		return err
	}
	header, err := place.ReadHeader(h)
	if err != nil {
		return errors.Join(fail.Remedy(fmt.Errorf("%s: %w", q.At.Shown(), err)), h.Close())
	}
	q.Handle, q.Header = h, header
	return nil
}

// Examine opens, for reading, what is in the queue's place, and says what is wrong with
// its header. usable tells that the header is known all the same, so that Map can follow.
// An error says that there is nothing to examine.
func (q *Queue) Examine() (size int64, usable bool, found []layout.Problem, err error) {
	if err := place.ByteOrder(); err != nil {
		return 0, false, nil, err
	}
	h, err := q.At.Open(false)
	if err != nil {
		return 0, false, nil, err
	}
	page, size, err := place.ReadPage(h)
	if err != nil {
		return 0, false, nil, errors.Join(fail.Remedy(err), h.Close())
	}
	q.Handle = h
	q.Header, usable, found = layout.Examine(page, size)
	return size, usable, found, nil
}

// Map maps the queue. It fails with fs.ErrNotExist if the queue's memory was removed since
// Open.
func (q *Queue) Map(write bool) error {
	if err := place.Mappable(q.Header); err != nil {
		return err
	}
	mem, err := q.Handle.Map(int(q.Header.TotalSize()), write)
	if err != nil {
		return err
	}
	r, err := ring.New(mem, q.Header.Geometry, sys.MonotonicMillis)
	if err != nil {
		return errors.Join(err, sys.Unmap(mem))
	}
	q.Mem, q.Ring = mem, r
	return nil
}

// Removed reports whether the queue's name is gone, or means another queue by now.
func (q *Queue) Removed() bool { return place.Unnamed(q.At, q.Handle) }

// Closed reports whether the mapping has ended.
func (q *Queue) Closed() bool { return q.closed }

// Close ends the mapping and closes the queue. It comes after all other calls but Closed.
// A second time it does nothing.
func (q *Queue) Close() error {
	if q.closed {
		return nil
	}
	q.closed = true
	var err error
	if q.Mem != nil {
		err = sys.Unmap(q.Mem)
	}
	return errors.Join(err, q.Handle.Close())
}
