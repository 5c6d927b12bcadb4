package shmq

import (
	"errors"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// looker has a queue open and mapped for reading, without a role or a seat.
type looker struct {
	name   string
	at     place
	file   *sys.File
	header layout.Header
	mem    []byte // nil after release
	ring   *ring.Ring
}

func newLooker(name string) (_ looker, err error) {
	l := looker{name: name}
	if l.at, err = find(name); err != nil {
		return l, err
	}
	if l.file, l.header, err = open(l.at, false); err != nil {
		return l, err
	}
	if l.mem, err = l.file.Map(int(l.header.TotalSize()), false); err == nil {
		l.ring, err = ring.New(l.mem, l.header.Geometry, sys.MonotonicMillis)
	}
	if err != nil {
		err = errors.Join(err, l.release())
	}
	return l, err
}

// touch runs f, which reads the mapping.
func (l *looker) touch(f func() error) error { return touch(l.file, l.mem, f) }

func (l *looker) release() error {
	var err error
	if l.mem != nil {
		err = sys.Unmap(l.mem)
		l.mem = nil
	}
	return errors.Join(err, l.file.Close())
}
