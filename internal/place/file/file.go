// Package file has the places that are named files: in memory, on a disk, in huge pages.
package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
)

// Place is a named file.
type Place struct {
	name, path string
	follow     bool
}

// New returns the place of the file at path, which is absolute. follow tells whether a
// symbolic link in its place is followed: not in a directory where others can put links.
func New(name, path string, follow bool) *Place { return &Place{name, path, follow} }

// Shown is the file's path.
func (p *Place) Shown() string { return p.path }

// Open opens the file.
func (p *Place) Open(write bool) (*place.Handle, error) {
	f, err := sys.Open(p.path, write, p.follow)
	switch {
	case err == nil:
		if err := place.OnThisMachine(f, p.path); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return place.InFile(f), nil
	case errors.Is(err, fs.ErrNotExist):
		if err := place.DirectoryOf(p.path, !p.follow); err != nil {
			return nil, err
		}
		return nil, &fail.Absent{Queue: p.name, Err: err}
	case errors.Is(err, fs.ErrPermission) && write:
		return nil, fmt.Errorf("%w; to take part is to write: ask its owner for a queue with group access (mode 0660)", err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w; ask its owner for a queue with group access (mode 0660)", err)
	case sys.IsReadOnly(err):
		return nil, readOnly(err)
	case sys.IsSymlink(err):
		return nil, fail.Remedy(fmt.Errorf("%w: %s is a symbolic link", fail.ErrNotQueue, p.path))
	case sys.IsNotRegular(err):
		return nil, fail.Remedy(fmt.Errorf("%w: %w", fail.ErrNotQueue, err))
	}
	return nil, err
}

// Names says no for a file that was unlinked, or replaced by another, or that now has
// another name only.
func (p *Place) Names(h *place.Handle) (bool, error) {
	mine, err := h.File.ID()
	if err != nil {
		return false, err
	}
	named, linked, err := sys.PathNames(p.path)
	if err == nil {
		return named == mine && linked, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if linked, gone := h.File.Linked(); gone == nil && !linked {
		return false, nil
	}
	return false, err
}

// Discard removes, by force, a queue that this process can't use.
func (p *Place) Discard(why error, force bool) (err error) {
	if !force || !unusable(why) {
		return why
	}
	h, err := p.Open(true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if _, now := place.ReadHeader(h); !unusable(now) {
		return errors.Join(now, fail.ErrGone) // the name means another file by now
	}
	return place.Remove(p, h)
}

func unusable(err error) bool {
	return errors.Is(err, fail.ErrVersion) || errors.Is(err, fail.ErrDamaged) || errors.Is(err, fail.ErrUnmappable)
}

// Unname removes the name.
func (p *Place) Unname(*place.Handle) error {
	err := os.Remove(p.path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; to remove it, a user has to own it or the directory, or, without a sticky bit, to be allowed to write the directory", err)
	case sys.IsReadOnly(err):
		return readOnly(err)
	}
	return err
}

// readOnly says what to do about an EROFS.
func readOnly(err error) error {
	return fmt.Errorf("%w: %w; mount it for writing too (in a container: a volume without :ro, or a tmpfs); to look at a queue, reading is enough", fs.ErrPermission, err)
}
