package shmq

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

const sysvPrefix = "sysv:"

// segmentName is what a name tells of a System V segment.
type segmentName struct {
	key uint32 // 0: IPC_PRIVATE, so it is found by its id
	id  int    // if key is 0
}

// String returns the one name that the side file bears, whatever the user wrote.
func (s segmentName) String() string {
	if s.key == 0 {
		return fmt.Sprintf("%sid:%d", sysvPrefix, s.id)
	}
	return fmt.Sprintf("%s%#x", sysvPrefix, s.key)
}

// parseSegment reads sysv:KEY and sysv:id:ID. A segment that has a key is known by it
// even if it is named by its id: two side files would be two sets of locks.
func parseSegment(name string) (segmentName, error) {
	text := strings.TrimPrefix(name, sysvPrefix)
	if id, ok := strings.CutPrefix(text, "id:"); ok {
		n, err := strconv.ParseUint(id, 10, 31)
		if err != nil {
			return segmentName{}, errors.New("sysv:id: wants the number that ipcs -m prints, 0 to 2147483647")
		}
		if s, err := sys.StatSegment(int(n)); err == nil && s.Key != 0 {
			return segmentName{key: s.Key}, nil
		}
		return segmentName{id: int(n)}, nil
	}
	base := 10
	if hex, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		text, base = hex, 16
	}
	key, err := strconv.ParseUint(text, base, 32)
	switch {
	case err != nil:
		return segmentName{}, errors.New("sysv: wants a key, decimal or 0x and hexadecimal, 1 to 0xffffffff, or id: and the id of a segment; a file of such a name needs a path, with a slash")
	case key == 0:
		return segmentName{}, errors.New("key 0 is IPC_PRIVATE, which finds nothing; use sysv:id: and the id of the segment")
	}
	return segmentName{key: uint32(key)}, nil
}

// sysvPlace is a System V segment and its side file, the filePlace, which has the
// queue's name, says which segment it is, and carries the locks. layout.Side tells what
// is in it.
type sysvPlace struct {
	filePlace
	segmentName
}

func newSysvPlace(name, path string) (*sysvPlace, error) {
	s, err := parseSegment(name)
	return &sysvPlace{filePlace{name: s.String(), path: path}, s}, err
}

// errCutShort: who made the queue, or removed it, died in the middle. The next one who
// makes or removes it clears that away.
var errCutShort = errors.New("left unfinished")

// open opens the side file, and makes the segment its memory.
func (p *sysvPlace) open(write bool) (*sys.File, error) {
	for {
		f, err := p.filePlace.open(write)
		if err != nil {
			return nil, err
		}
		side, err := p.joinNow(f, write)
		if err == nil {
			return f, nil
		}
		// What was seen may be a side file that somebody was just writing or removing.
		// While it is open no other one can be taken for it.
		mine, e1 := p.filePlace.names(f)
		again, e2 := readSide(f)
		err = errors.Join(err, f.Close())
		if e1 != nil || e2 != nil || mine && again == side {
			return nil, err
		}
	}
}

// joinNow joins the segment, with LockSegment if it may be written to: then nobody wipes
// it before f is closed.
func (p *sysvPlace) joinNow(f *sys.File, write bool) (side layout.Side, err error) {
	if write {
		ok, err := f.TryLock(layout.LockSegment, false)
		if err != nil {
			return side, err
		}
		if !ok {
			return side, errRemoving
		}
	}
	if side, err = readSide(f); err != nil {
		return side, remedy(err)
	}
	return side, p.join(f, &side, write)
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
// file belongs to, and makes it f's memory.
func (p *sysvPlace) join(f *sys.File, side *layout.Side, write bool) error {
	if !p.isOf(side) {
		return remedy(fmt.Errorf("%w: %s is the side file of segment %d, key %#x", ErrDamaged, p.path, side.ID, side.Key))
	}
	if side.State != layout.SideReady {
		return p.unready(f, side)
	}
	if !here(side) {
		return fmt.Errorf("%w: segment %d is in another IPC namespace than this process; run this in the container that made the queue, or give both one namespace; if that one is gone: shmq rm --force %s", ErrRefused, side.ID, p.name)
	}
	seg, err := sys.StatSegment(int(side.ID))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && (seg.Removed || seg.Key != side.Key):
		if held, err := f.Locked(layout.LockSide); held || err != nil {
			return errors.Join(err, errRemoving)
		}
		return fmt.Errorf("%w: segment %d, key %#x, is gone (ipcrm, or a restart); clean up with: shmq rm %s", ErrRemoved, side.ID, side.Key, p.name)
	case err != nil:
		return noAccess(err)
	}
	if seg.Size < layout.HeaderSize {
		return p.overwritten(side)
	}
	mem, err := seg.Map(layout.SideHeaderSize, write)
	if err != nil {
		return noAccess(err)
	}
	same := string(mem) == string(side.Header[:])
	if err := sys.Unmap(mem); err != nil {
		return err
	}
	if !same {
		return p.overwritten(side)
	}
	f.UseSegment(seg, headerPage(side))
	return nil
}

// headerPage returns the first page of the queue that a side file belongs to.
func headerPage(side *layout.Side) []byte {
	page := make([]byte, layout.HeaderSize)
	copy(page, side.Header[:])
	return page
}

// isOf reports whether a side file tells of this place's segment.
func (p *sysvPlace) isOf(side *layout.Side) bool {
	return side.Key == p.key && (p.key != 0 || side.ID < 0 || int(side.ID) == p.id)
}

// unready says why nobody can attach to a queue that is not ready.
func (p *sysvPlace) unready(f *sys.File, side *layout.Side) error {
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
	return fmt.Errorf("%w: %w: who was in the middle of having it %s has ended; run: shmq rm %s", fs.ErrNotExist, errCutShort, what, p.name)
}

func (p *sysvPlace) overwritten(side *layout.Side) error {
	return remedy(fmt.Errorf("%w: the header in segment %d, key %#x, is not the queue's any more", ErrDamaged, side.ID, side.Key))
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

// names says no also if the segment was removed, by ipcrm for example.
func (p *sysvPlace) names(f *sys.File) (bool, error) {
	if mine, err := p.filePlace.names(f); err != nil || !mine {
		return false, err
	}
	seg, err := f.Segment()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && !seg.Removed, err
}
