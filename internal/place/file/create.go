package file

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
)

// afterLink is for tests: what happens when a new queue has just got its name.
var afterLink = func() {}

// Create makes the file under no name, fills it, and gives it its name last.
func (p *Place) Create(s place.Spec) (err error) {
	if _, err := sys.PathID(p.path); err == nil {
		return fail.Exists(p.path)
	}
	f, err := sys.CreateTemp(p.path, s.Mode)
	if sys.IsReadOnly(err) {
		return readOnly(err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return cmp.Or(place.DirectoryOf(p.path, !p.follow), err)
	}
	if err != nil {
		return place.NoRoom(p.path, s.Bytes(), err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := place.OnThisMachine(f, p.path); err != nil {
		return err
	}
	if err := p.reserve(f, &s); err != nil {
		return err
	}
	if err := fill(f, &s); err != nil {
		return place.NoRoom(p.path, s.Bytes(), err)
	}
	if err := f.Link(); errors.Is(err, fs.ErrExist) {
		return fail.Exists(p.path)
	} else if err != nil {
		return place.NoRoom(p.path, s.Bytes(), err)
	}
	afterLink()
	if s.Checksum { // it is meant to survive, and so its name and its storage too
		if err := errors.Join(f.Sync(), f.SyncName()); err != nil {
			return fmt.Errorf("%w: %w; the queue was made, but a crash of the machine may lose it", fail.ErrSync, err)
		}
	}
	return nil
}

// reserve gives the file its storage, in huge pages if that is wanted.
func (p *Place) reserve(f *sys.File, s *place.Spec) error {
	size, huge := s.Bytes(), f.HugePage()
	var pool sys.HugePool
	var poolErr error
	if huge != 0 { // before the queue takes its part
		pool, poolErr = sys.HugePoolOf(huge)
	}
	err := f.Allocate(size)
	switch {
	case err == nil && s.HugePages && huge == 0:
		return place.Collapse(f, int(size))
	case err == nil:
		return nil
	case huge != 0 && (sys.IsNoSpace(err) || sys.IsNoMemory(err)):
		need := (size + huge - 1) / huge
		return fmt.Errorf("%w: %w: the queue takes %d huge pages of %d bytes; %s", fail.ErrNoSpace, err, need, huge, poolText(need, pool, poolErr))
	}
	return place.NoRoom(p.path, size, err)
}

// fill writes the header of a queue. Everything behind it is zeros from the start: an
// empty ring, free seats.
func fill(f *sys.File, s *place.Spec) error {
	if s.Checksum {
		if err := f.WriteZeros(s.Bytes()); err != nil { // allocated is not enough for Sync
			return err
		}
	}
	if err := f.WriteAt(s.Header().Encode(), 0); err != nil {
		return err
	}
	if s.Checksum { // the name may be on the disk as soon as it is there
		if err := f.Sync(); err != nil {
			return fmt.Errorf("%w: %w; no queue was made", fail.ErrSync, err)
		}
	}
	return nil
}

// poolText says why need huge pages were not to be had from a pool as it was before.
func poolText(need int64, pool sys.HugePool, err error) string {
	if free := max(pool.Free, 0); err == nil && free < need {
		return fmt.Sprintf("%d are free; make it smaller, or have more of them: sysctl vm.nr_hugepages=%d (pages of another size than the default: /sys/kernel/mm/hugepages)", free, pool.Total+need-free)
	}
	return "the mount's size= or the cgroup's hugetlb limit allows fewer; make it smaller, or raise that"
}
