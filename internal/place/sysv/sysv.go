// Package sysv has the places that are System V shared memory segments.
package sysv

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/file"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Prefix begins the names of segments.
const Prefix = "sysv:"

// Name is what a queue's name tells of a segment.
type Name struct {
	key uint32 // 0: IPC_PRIVATE, so it is found by its id
	id  int    // if key is 0
}

// String returns the one name that the side file bears, whatever the user wrote.
func (s Name) String() string {
	if s.key == 0 {
		return fmt.Sprintf("%sid:%d", Prefix, s.id)
	}
	return fmt.Sprintf("%s%#x", Prefix, s.key)
}

// Parse reads sysv:KEY and sysv:id:ID. A segment that has a key is known by it
// even if it is named by its id: two side files would be two sets of locks.
func Parse(name string) (Name, error) {
	text := strings.TrimPrefix(name, Prefix)
	if id, ok := strings.CutPrefix(text, "id:"); ok {
		n, err := strconv.ParseUint(id, 10, 31)
		if err != nil {
			return Name{}, errors.New("sysv:id: wants the number that ipcs -m prints, 0 to 2147483647")
		}
		if s, err := sys.StatSegment(int(n)); err == nil && s.Key != 0 {
			return Name{key: s.Key}, nil
		}
		return Name{id: int(n)}, nil
	}
	base := 10
	if hex, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		text, base = hex, 16
	}
	key, err := strconv.ParseUint(text, base, 32)
	switch {
	case err != nil:
		return Name{}, errors.New("sysv: wants a key, decimal or 0x and hexadecimal, 1 to 0xffffffff, or id: and the id of a segment; a file of such a name needs a path, with a slash")
	case key == 0:
		return Name{}, errors.New("key 0 is IPC_PRIVATE, which finds nothing; use sysv:id: and the id of the segment")
	}
	return Name{key: uint32(key)}, nil
}

// Place is a segment and its side file, which has the queue's name, says which segment it
// is, and carries the locks. layout.Side tells what is in it.
type Place struct {
	Name
	path string // of the side file
	side *file.Place
}

// New returns the place of a segment whose side file is at path, which is absolute.
func New(s Name, path string) *Place { return &Place{s, path, file.New(s.String(), path, false)} }

// Shown is the path of the side file.
func (p *Place) Shown() string { return p.path }

// Sparse reports whether the segment was not allocated whole: see name.Sparse.
func (p *Place) Sparse() bool {
	id := p.id
	if p.key != 0 {
		var err error
		if id, err = sys.FindSegment(p.key); err != nil {
			return false
		}
	}
	return sys.SparseSegment(id)
}

// Open opens the side file, and joins the segment that it tells of.
func (p *Place) Open(write bool) (*place.Handle, error) {
	for {
		h, err := p.side.Open(write)
		if err != nil {
			return nil, err
		}
		f := h.File
		side, mem, err := p.joinNow(f, write)
		if err == nil {
			return &place.Handle{File: f, Memory: mem}, nil
		}
		// The file may be a side file that another process was just writing or removing.
		// While it is open no other one can be taken for it.
		mine, e1 := p.side.Names(h)
		again, e2 := readSide(f)
		err = errors.Join(err, f.Close())
		if e1 != nil || e2 != nil || mine && again == side {
			return nil, err
		}
	}
}

// joinNow joins the segment, with LockSegment if it may be written to: then no process wipes
// it before f is closed.
func (p *Place) joinNow(f *sys.File, write bool) (side layout.Side, mem *memory, err error) {
	if write {
		ok, err := f.TryLock(layout.LockSegment, false)
		if err != nil {
			return side, nil, err
		}
		if !ok {
			return side, nil, errRemoving
		}
	}
	if side, err = readSide(f); err != nil {
		return side, nil, fail.Remedy(err)
	}
	mem, err = p.join(f, &side, write)
	return side, mem, err
}

var errRemoving = fmt.Errorf("%w: it is being removed just now", fs.ErrNotExist)

// readSide reads a side file whose segment is not in use yet.
func readSide(f *sys.File) (layout.Side, error) {
	b := make([]byte, layout.SideSize)
	n, err := f.ReadAt(b, 0)
	if err != nil {
		return layout.Side{}, err
	}
	return layout.DecodeSide(b[:n])
}

// join checks that the segment of a side file is there and is the queue that the side
// file belongs to.
func (p *Place) join(f *sys.File, side *layout.Side, write bool) (*memory, error) {
	if !p.isOf(side) {
		return nil, fail.Remedy(fmt.Errorf("%w: %s is the side file of segment %d, key %#x", fail.ErrDamaged, p.path, side.ID, side.Key))
	}
	if side.State != layout.SideReady {
		return nil, p.unready(f, side)
	}
	if !here(side) {
		return nil, fmt.Errorf("%w: segment %d is in another IPC namespace than this process; run this in the container that made the queue, or give both one namespace; if that one is gone: shmq rm --force %s", fail.ErrRefused, side.ID, p.String())
	}
	seg, err := sys.StatSegment(int(side.ID))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && (seg.Removed || seg.Key != side.Key):
		if held, err := f.Locked(layout.LockSide); held || err != nil {
			return nil, errors.Join(err, errRemoving)
		}
		return nil, fmt.Errorf("%w: segment %d, key %#x, is gone (ipcrm, or a restart); clean up with: shmq rm %s", fail.ErrRemoved, side.ID, side.Key, p.String())
	case err != nil:
		return nil, noAccess(err)
	}
	if seg.Size < layout.HeaderSize {
		return nil, p.overwritten(side)
	}
	b, err := seg.Map(layout.SideHeaderSize, write)
	if err != nil {
		return nil, noAccess(err)
	}
	same := string(b) == string(side.Header[:])
	if err := sys.Unmap(b); err != nil {
		return nil, err
	}
	if !same {
		return nil, p.overwritten(side)
	}
	return &memory{seg, headerPage(side)}, nil
}

// headerPage returns the first page of the queue that a side file belongs to.
func headerPage(side *layout.Side) []byte {
	page := make([]byte, layout.HeaderSize)
	copy(page, side.Header[:])
	return page
}

// isOf reports whether a side file tells of this place's segment.
func (p *Place) isOf(side *layout.Side) bool {
	return side.Key == p.key && (p.key != 0 || side.ID < 0 || int(side.ID) == p.id)
}

// unready says why no process can attach to a queue that is not ready.
func (p *Place) unready(f *sys.File, side *layout.Side) error {
	what := "made"
	if side.State == layout.SideRemoving {
		what = "removed"
	}
	held, err := f.Locked(layout.LockSide)
	if err != nil {
		return err
	}
	if held {
		return fmt.Errorf("%w: it is being %s just now", fs.ErrNotExist, what)
	}
	return fmt.Errorf("%w: %w: the process that was in the middle of having it %s has ended; run: shmq rm %s", fs.ErrNotExist, fail.ErrUnfinished, what, p.String())
}

func (p *Place) overwritten(side *layout.Side) error {
	return fail.Remedy(fmt.Errorf("%w: the header in segment %d, key %#x, is not the queue's any more", fail.ErrDamaged, side.ID, side.Key))
}

// here reports whether a side file's segment is, as far as can be told, in the IPC
// namespace of this process. In another one its id means nothing.
func here(side *layout.Side) bool {
	mine := sys.IPCNamespace()
	return side.Namespace == mine || side.Namespace == 0 || mine == 0
}

func noAccess(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; ask the segment's owner for a mode that lets you read and write it (0660)", err)
	}
	return err
}

// Names says no also if the segment was removed, by ipcrm for example.
func (p *Place) Names(h *place.Handle) (bool, error) {
	if mine, err := p.side.Names(h); err != nil || !mine {
		return false, err
	}
	m, ok := h.Memory.(*memory)
	if !ok {
		return false, errors.ErrUnsupported // opened by another place
	}
	seg, err := sys.StatSegment(m.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && !seg.Removed, err
}
