package sysv

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Create makes the queue under the lock of the side file, which appears locked and
// saying that the queue is being made. It says that the queue is ready last; killed
// before that, the maker leaves what clear can clear away, for the next process
// that makes or removes the queue.
func (p *Place) Create(s place.Spec) error {
	if s.Checksum {
		return fmt.Errorf("%w: checksums are for queues that outlive a crash of the machine, and a segment does not; make the queue without", fail.ErrOption)
	}
	for {
		if err := p.vacate(); err != nil {
			return err
		}
		f, side, err := p.begin(s.Mode)
		if errors.Is(err, fs.ErrExist) {
			continue // another one was faster
		} else if err != nil {
			return err
		}
		if err = p.fill(f, side, &s); err != nil {
			err = errors.Join(err, p.clear(f, side))
		}
		return errors.Join(err, leave(f))
	}
}

// vacate returns nil when nothing bears the name. It waits for a process that is making or
// removing the queue, and clears away what a dead one left.
func (p *Place) vacate() (err error) {
	h, err := p.Open(false)
	switch {
	case err == nil:
		return errors.Join(fail.Exists(p.path), h.Close())
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := p.enter()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave(f)) }()
	side, err := readSide(f)
	if err != nil {
		return fail.Remedy(err)
	}
	if side.State == layout.SideReady {
		return fail.Exists(p.path)
	}
	if err := p.clear(f, &side); err != nil {
		return fmt.Errorf("clear away what a dead process left unfinished: %w; ask its owner to run: shmq rm %s", err, p.String())
	}
	return nil
}

// absent is the error of a segment that is named by its id and is not there, or, without err, only as long as somebody is still attached.
func (p *Place) absent(err error) error {
	if err == nil {
		err = fmt.Errorf("segment %d was removed, and goes with its last attachment: %w", p.id, fs.ErrNotExist)
	}
	return fmt.Errorf("%w; only an existing segment can be named by its id: make it first (ipcmk -M), or name the queue sysv: and a key", noAccess(err))
}

// begin makes the side file, locked, of a queue that is being made.
func (p *Place) begin(mode fs.FileMode) (*sys.File, *layout.Side, error) {
	side := &layout.Side{State: layout.SideMaking, ID: -1, Key: p.key, PID: uint32(os.Getpid()), Namespace: sys.IPCNamespace()}
	if p.key == 0 {
		if seg, err := sys.StatSegment(p.id); err != nil || seg.Removed {
			return nil, nil, p.absent(err)
		}
	} else if _, err := sys.FindSegment(p.key); errors.Is(err, fs.ErrNotExist) {
		side.Fresh = true
	} else if err != nil {
		return nil, nil, refused(err)
	}
	f, err := sys.CreateTemp(p.path, mode)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, cmp.Or(place.DirectoryOf(p.path, true), err)
	}
	if err != nil {
		return nil, nil, place.NoRoom(p.path, layout.SideSize, err)
	}
	_, err = f.TryLock(layout.LockSide, true) // no other process knows the file
	if err == nil {
		err = writeSide(f, side)
	}
	if err == nil {
		err = f.Link()
	}
	if err != nil {
		return nil, nil, errors.Join(place.NoRoom(p.path, layout.SideSize, err), f.Close())
	}
	return f, side, nil
}

// fill makes the queue, and says so in the side file when it is complete.
func (p *Place) fill(f *sys.File, side *layout.Side, s *place.Spec) (err error) {
	size := s.Bytes()
	seg, err := p.obtain(side, size, s.Mode, s.HugePages)
	if err != nil {
		return err
	}
	if err := writeSide(f, side); err != nil {
		return err
	}
	mem, err := seg.Map(int(min(size, seg.Size)), true)
	if err != nil {
		return noAccess(err)
	}
	defer func() { err = errors.Join(err, sys.Unmap(mem)) }()
	if !side.Own {
		if err := vacant(seg, mem, size); err != nil {
			return err
		}
	}
	// A size that can't fit is refused before the kernel ends a process to make room.
	if left, err := sys.MemoryLeft(); err == nil && side.Own && !s.HugePages && size > left {
		return fmt.Errorf("%w: the queue takes %d bytes, the machine has %d left; make it with fewer or smaller slots, or free some", fail.ErrNoSpace, size, left)
	}
	// From now on an access can't fail for lack of memory.
	if err := sys.Prefault(mem); err != nil {
		return fmt.Errorf("%w: %w: the queue takes %d bytes; make it with fewer or smaller slots", fail.ErrNoSpace, err, size)
	}
	// Noted first, so that a process that clears up after this one knows its bytes.
	page := s.Header().Encode()
	copy(side.Header[:], page)
	if err := writeSide(f, side); err != nil {
		return err
	}
	copy(mem, page)
	ready := *side
	ready.State = layout.SideReady
	return writeSide(f, &ready)
}

// obtain makes the segment, or takes the one that is there.
func (p *Place) obtain(side *layout.Side, size int64, mode fs.FileMode, huge bool) (sys.Segment, error) {
	id, err := p.id, error(nil)
	for p.key != 0 {
		if id, err = sys.MakeSegment(p.key, size, mode, huge); err == nil {
			side.Own = true
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return sys.Segment{}, limited(err, size, huge)
		}
		if id, err = sys.FindSegment(p.key); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return sys.Segment{}, refused(err)
		}
	}
	side.ID = int32(id)
	seg, err := sys.StatSegment(id)
	switch {
	case p.key == 0 && (err != nil || seg.Removed): // since begin
		return seg, p.absent(err)
	case err != nil && side.Own: // of a mode that keeps its owner out
		side.ID = -1
		return seg, errors.Join(noAccess(err), sys.RemoveSegment(id))
	case err != nil:
		return seg, noAccess(err)
	case side.Own:
	case seg.Removed:
		return seg, fmt.Errorf("%w: %s is marked to go with its last attachment", fail.ErrRemoved, segmentText(seg))
	case huge:
		return seg, fmt.Errorf("%w: %s was made by another program, so its pages are what they are; make the queue without huge pages", fail.ErrOption, segmentText(seg))
	}
	return seg, nil
}

// vacant refuses another program's segment that is too small, or that holds something
// where the queue would be. mem is how it begins.
func vacant(seg sys.Segment, mem []byte, size int64) error {
	if _, err := layout.Validate(bytes.Clone(mem[:min(len(mem), layout.HeaderSize)]), seg.Size); err == nil {
		return fmt.Errorf("%w: %s holds a queue whose side file is not in %s: it was made with another SHMQ_DIR or /dev/shm, or its side file was deleted; use it from there, or if nobody does: ipcrm -m %d", fail.ErrInUse, segmentText(seg), place.Dir(), seg.ID)
	}
	if seg.Size < size {
		return fmt.Errorf("%w: the queue takes %d bytes, and %s is smaller; make the queue with fewer or smaller slots, or the segment larger", fail.ErrNoSpace, size, segmentText(seg))
	}
	if i := nonZero(mem); i >= 0 {
		return fmt.Errorf("%w: %s holds something else: byte %d is not zero; zero its first %d bytes if they are not needed, or use another key", fail.ErrNotQueue, segmentText(seg), i, size)
	}
	return nil
}

// nonZero returns the index of the first byte that is not zero, or -1.
func nonZero(b []byte) int {
	zeros := make([]byte, layout.HeaderSize)
	for off := 0; off < len(b); off += len(zeros) {
		page := b[off:min(off+len(zeros), len(b))]
		if !bytes.Equal(page, zeros[:len(page)]) {
			return off + bytes.IndexFunc(page, func(r rune) bool { return r != 0 })
		}
	}
	return -1
}

func segmentText(s sys.Segment) string {
	return fmt.Sprintf("segment %d (key %#x, %d bytes, made by uid %d, pid %d)", s.ID, s.Key, s.Size, s.CreatorUID, s.CreatorPID)
}

// limited says which limit keeps a segment from being made.
func limited(err error, size int64, huge bool) error {
	limit := sys.SegmentLimit(err, size)
	switch {
	case limit != "":
		return fmt.Errorf("%w: %w: the queue takes %d bytes, and %s; raise it with sysctl, or make the queue with fewer or smaller slots", fail.ErrNoSpace, err, size, limit)
	case sys.IsNoMemory(err) && huge:
		return fmt.Errorf("%w: %w: too few free huge pages for %d bytes; reserve some (sysctl vm.nr_hugepages), or make the queue without", fail.ErrNoSpace, err, size)
	case sys.IsNoMemory(err):
		return fmt.Errorf("%w: %w: the queue takes %d bytes; make it with fewer or smaller slots", fail.ErrNoSpace, err, size)
	case huge && errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; huge pages in a segment need CAP_IPC_LOCK or the group of sysctl vm.hugetlb_shm_group; make the queue without", err)
	case huge:
		return fmt.Errorf("%w: %w: no segment in huge pages of 2 MiB here; make the queue without", fail.ErrRefused, err)
	}
	return refused(err)
}

// refused explains errors of a kernel or a sandbox without System V shared memory.
func refused(err error) error {
	if sys.IsUnimplemented(err) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w: no System V shared memory here; use a queue in a file", fail.ErrRefused, err)
	}
	return err
}
