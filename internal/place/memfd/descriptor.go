package memfd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
)

const prefix = "fd:"

// Is reports whether a name means a descriptor. A name with a slash is a path.
func Is(name string) bool {
	return strings.HasPrefix(name, prefix) && !strings.Contains(name, "/")
}

// Place is the file of a descriptor of this process: an anonymous queue, or any other
// queue's file. It has no name that could be taken away or come to mean another queue.
//
// The descriptor is used for nothing but to find the file, and may be closed
// afterwards. The process that gave it shares its open file description, and a lock belongs to the
// description: if two processes locked seats through a shared one, each would get the
// other's, and neither would lose its own by dying. A question through it would not see
// what the others locked through it. So each File is opened anew, which needs /proc.
type Place struct {
	name   string
	number int
	path   string // in /proc
}

// New returns the place of a name such as fd:3. Error: ErrName, without the name.
func New(name string) (*Place, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(name, prefix), 10, 31)
	if err != nil {
		return nil, fmt.Errorf("%w: want fd: and the number of an open descriptor, or a path for a file of that name", fail.ErrName)
	}
	return &Place{name, int(n), "/proc/self/fd/" + strconv.FormatUint(n, 10)}, nil
}

// Shown is a path in /proc.
func (p *Place) Shown() string { return p.path }

// Open opens the file that the descriptor is, anew.
func (p *Place) Open(write bool) (*place.Handle, error) {
	if err := p.check(write); err != nil {
		return nil, err
	}
	f, err := sys.Open(p.path, write, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: a descriptor's file is opened through /proc, which is missing here; mount it, or use a queue with a name", fail.ErrRefused)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w; its maker has to give it a mode for this user too (0666 lets all who are handed it), before or after handing it over", err)
	case err != nil:
		return nil, err
	}
	if err := place.OnThisMachine(f, p.path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if write && !f.Writable() {
		return nil, errors.Join(fmt.Errorf("%w: a seal against writing lets nobody attach any more: %s", fs.ErrPermission, p.describe()), f.Close())
	}
	return place.InFile(f), nil
}

// check looks at the descriptor itself: it is one of a queue, and open for what is
// wanted. To go by the file's mode alone would give more than was handed over.
func (p *Place) check(write bool) error {
	f := sys.Borrow(p.number)
	canRead, canWrite, err := f.Access()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: this process has no descriptor %d; it has to be open when the process is started (in Go: exec.Cmd.ExtraFiles)", fs.ErrNotExist, p.number)
	}
	if err == nil && canRead {
		_, err = place.ReadHeader(f)
	}
	need := "reading"
	if write {
		need = "reading and writing"
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s%s", err, p.describe(), remedy(err))
	case !canRead, write && !canWrite:
		return fmt.Errorf("%w: it is not open for %s: %s; open it for both (3<> in a shell)", fs.ErrPermission, need, p.describe())
	}
	return nil
}

// describe says what the descriptor is, if that can be told.
func (p *Place) describe() string {
	what := fmt.Sprintf("descriptor %d", p.number)
	if to, err := os.Readlink(p.path); err == nil {
		what += ", which is " + strconv.Quote(to)
	}
	return what
}

// remedy says what can be done about a descriptor's content.
func remedy(err error) string {
	switch {
	case errors.Is(err, fail.ErrNotQueue):
		return "; give the number of a queue's descriptor, which has to be open when the process is started"
	case errors.Is(err, fail.ErrVersion):
		return "; use the release that made the queue"
	case errors.Is(err, fail.ErrDamaged):
		return "; make a new one"
	}
	return ""
}

// Create refuses: a descriptor is made by Create of this package.
func (p *Place) Create(place.Spec) error { return errCreate }

// Names says yes for good: no other file will be meant, nor can this one be removed.
func (p *Place) Names(*place.Handle) (bool, error) { return true, nil }

// Unname refuses: there is no name.
func (p *Place) Unname(*place.Handle) error { return ErrRemove }

// Discard refuses, as Unname does, but says why the queue could not be opened.
func (p *Place) Discard(why error, _ bool) error { return why }

var (
	errCreate = fmt.Errorf("%w: a descriptor can't be made under a number; use CreateAnonymous, or run: shmq anon", fail.ErrName)
	// ErrRemove is the error of removing a queue without a name.
	ErrRemove = fmt.Errorf("%w: a descriptor has no name to remove; the queue goes when its last user ends or closes it", fail.ErrName)
)
