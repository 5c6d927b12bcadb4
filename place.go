package shmq

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// place is where a queue lives. A name means a place, see find; the rest of the
// package does not care which kind it is.
type place interface {
	// open opens the queue. The sys.File has the locks and maps the memory. Its errors
	// tell what can be done.
	open(write bool) (*sys.File, error)
	// create makes the queue: complete, with its storage reserved, before open can
	// find it. Of two creators one gets fs.ErrExist.
	create(g layout.Geometry, mode fs.FileMode, o *Options) error
	// names reports whether the name means f now. An error says that it can't be told.
	names(f *sys.File) (bool, error)
	// unname removes the name, and so the queue when its last participant leaves. f is
	// the queue; where nobody may be attached, f holds both roles' locks.
	unname(f *sys.File) error
	// discard removes a queue that open refused with why, if it may be removed, by force
	// or at all. Otherwise it returns why, or a better reason.
	discard(why error, force bool) error
	// shown is what people are shown as the queue's path.
	shown() string
}

// find returns the place that a name means. Error: ErrName.
func find(name string) (place, error) {
	path, err := Path(name)
	if err != nil {
		return nil, err
	}
	if isFD(name) {
		return newFDPlace(name)
	}
	if path, err = filepath.Abs(path); err != nil { // the process may go elsewhere
		return nil, &Error{"find", name, err}
	}
	if strings.HasPrefix(name, sysvPrefix) && inDir(name) {
		return newSysvPlace(name, path)
	}
	return &filePlace{name: name, path: path}, nil
}

// filePlace is a named file.
type filePlace struct{ name, path string }

func (p *filePlace) shown() string { return p.path }

func (p *filePlace) open(write bool) (*sys.File, error) {
	f, err := sys.Open(p.path, write, !inDir(p.name))
	switch {
	case err == nil:
		if err := onThisMachine(f, p.path); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; start a sender or receiver that may create it, or run: shmq create %s", err, quote(p.name))
	case errors.Is(err, fs.ErrPermission) && write:
		return nil, fmt.Errorf("%w; to take part is to write: ask its owner for a queue with group access (mode 0660)", err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w; ask its owner for a queue with group access (mode 0660)", err)
	case sys.IsReadOnly(err):
		return nil, readOnly(err)
	case sys.IsSymlink(err):
		return nil, remedy(fmt.Errorf("%w: %s is a symbolic link", ErrNotQueue, p.path))
	case sys.IsNotRegular(err):
		return nil, remedy(fmt.Errorf("%w: %w", ErrNotQueue, err))
	}
	return nil, err
}

// names says no for a file that was unlinked, or replaced by another, or that now has
// another name only.
func (p *filePlace) names(f *sys.File) (bool, error) {
	mine, err := f.ID()
	if err != nil {
		return false, err
	}
	// Where a single file is mounted on the path, that goes on naming it.
	if linked, err := f.Linked(); err == nil && !linked {
		return false, nil
	}
	named, err := sys.PathID(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return named == mine, err
}

func (p *filePlace) discard(why error, force bool) (err error) {
	beyond := func(err error) bool { // a queue that nobody here can use
		return errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged) || errors.Is(err, errUnmappable)
	}
	if !force || !beyond(why) {
		return why
	}
	f, err := p.open(true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, now := readHeader(f); !beyond(now) {
		return errors.Join(now, errGone) // the name means another file by now
	}
	return unname(p, f)
}

func (p *filePlace) unname(*sys.File) error {
	err := os.Remove(p.path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; who may remove it has to own it or the directory, or, without a sticky bit, to be allowed to write the directory", err)
	case sys.IsReadOnly(err):
		return readOnly(err)
	}
	return err
}

// readOnly says what to do about an EROFS.
func readOnly(err error) error {
	return fmt.Errorf("%w: %w; mount it for writing too (in a container: a volume without :ro, or a tmpfs); to look at a queue, reading is enough", fs.ErrPermission, err)
}

// onThisMachine refuses files that another machine may have mapped, too.
func onThisMachine(f *sys.File, path string) error {
	if kind := f.Network(); kind != "" {
		return fmt.Errorf("%w: %s is on %s, and a queue can't span machines; use /dev/shm, or SHMQ_DIR with a local directory", ErrRefused, path, kind)
	}
	return nil
}

// unnamed reports whether it is certain that the name does not mean f any more. What
// can't be told, for want of permission on the way to the file for example, is not.
func unnamed(at place, f *sys.File) bool {
	mine, err := at.names(f)
	return err == nil && !mine
}
