package shmq

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Create makes a queue. It is complete, and its memory is reserved, before its
// name appears; of two processes that create the same name one gets fs.ErrExist.
// Other errors: ErrName, ErrOption, fs.ErrPermission, and no space left on device
// when the filesystem cannot hold it. opts may be nil.
func Create(name string, opts *Options) error {
	path, err := Path(name)
	if err != nil {
		return err
	}
	return fail("create", name, create(path, opts))
}

func create(path string, opts *Options) (err error) {
	if err := byteOrder(); err != nil {
		return err
	}
	g, mode, err := opts.geometry()
	if err != nil {
		return err
	}
	if _, err := sys.PathID(path); err == nil {
		return exists(path)
	}
	f, err := sys.CreateTemp(path, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size := int64(g.TotalSize())
	if err := f.Allocate(size); err != nil {
		if !sys.IsNoSpace(err) {
			return err
		}
		dir := filepath.Dir(path)
		left, _ := sys.Free(dir)
		return fmt.Errorf("%w: the queue takes %d bytes, %s has %d left; make it with fewer or smaller slots, or free some", err, size, dir, left)
	}
	if opts != nil && opts.HugePages {
		if err := collapse(f, int(size)); err != nil {
			return err
		}
	}
	h := layout.Header{Geometry: g, Created: time.Now().UnixNano(), BootID: sys.BootID()}
	if _, err := rand.Read(h.CreationID[:]); err != nil {
		return err
	}
	// Everything behind the header starts as zeros: an empty ring, free seats.
	if err := f.WriteAt(h.Encode(), 0); err != nil {
		return err
	}
	if err := f.Link(); errors.Is(err, fs.ErrExist) {
		return exists(path)
	} else if err != nil {
		return err
	}
	return nil
}

func collapse(f *sys.File, size int) error {
	mem, err := f.Map(size, true)
	if err != nil {
		return err
	}
	if err := errors.Join(sys.Collapse(mem), sys.Unmap(mem)); err != nil {
		return fmt.Errorf("huge pages: %w; make the queue without them (they need Linux 6.1, memory that is not in pieces, a queue of 2 MiB or more)", err)
	}
	return nil
}

func exists(path string) error {
	return fmt.Errorf("%w: %s; open it as it is, or remove it first", fs.ErrExist, path)
}
