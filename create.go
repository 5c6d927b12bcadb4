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
	if isFD(name) {
		return fail("create", name, errFDCreate)
	}
	at, err := find(name)
	if err != nil {
		return err
	}
	return fail("create", name, create(at, opts))
}

func create(at place, opts *Options) error {
	if err := byteOrder(); err != nil {
		return err
	}
	if opts == nil {
		opts = &Options{}
	}
	g, mode, err := opts.geometry()
	if err != nil {
		return err
	}
	return at.create(g, mode, opts)
}

// afterLink is for tests: what happens when a new queue has just got its name.
var afterLink = func() {}

func (p *filePlace) create(g layout.Geometry, mode fs.FileMode, opts *Options) (err error) {
	path := p.path
	if _, err := sys.PathID(path); err == nil {
		return exists(path)
	}
	f, err := sys.CreateTemp(path, mode)
	if sys.IsReadOnly(err) {
		return readOnly(err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := onThisMachine(f, path); err != nil {
		return err
	}
	size := int64(g.TotalSize())
	huge := f.HugePage()
	var pool sys.HugePool
	var poolErr error
	if huge != 0 { // before the queue takes its part
		pool, poolErr = sys.HugePoolOf(huge)
	}
	if err := f.Allocate(size); err != nil {
		if huge != 0 && (sys.IsNoSpace(err) || sys.IsNoMemory(err)) {
			need := (size + huge - 1) / huge
			return fmt.Errorf("%w: %w: the queue takes %d huge pages of %d bytes; %s", ErrNoSpace, err, need, huge, poolText(need, pool, poolErr))
		}
		if !sys.IsNoSpace(err) {
			return err
		}
		dir := filepath.Dir(path)
		left, _ := sys.Free(dir)
		return fmt.Errorf("%w: %w: the queue takes %d bytes, %s has %d left; make it with fewer or smaller slots, free some, or enlarge it (a container's /dev/shm: docker run --shm-size)", ErrNoSpace, err, size, dir, left)
	}
	if opts.HugePages && huge == 0 {
		if err := collapse(f, int(size)); err != nil {
			return err
		}
	}
	h, err := newHeader(g)
	if err != nil {
		return err
	}
	if g.Checksum {
		if err := f.WriteZeros(size); err != nil { // allocated is not enough for Sync
			return err
		}
	}
	// Everything behind the header starts as zeros: an empty ring, free seats.
	if err := f.WriteAt(h.Encode(), 0); err != nil {
		return err
	}
	if g.Checksum { // the name may be on the disk as soon as it is there
		if err := f.Sync(); err != nil {
			return fmt.Errorf("%w: %w; no queue was made", ErrSync, err)
		}
	}
	if err := f.Link(); errors.Is(err, fs.ErrExist) {
		return exists(path)
	} else if err != nil {
		return err
	}
	afterLink()
	if g.Checksum { // it is meant to survive, and so its name and its storage too
		if err := errors.Join(f.Sync(), f.SyncName()); err != nil {
			return fmt.Errorf("%w: %w; the queue was made, but a crash of the machine may lose it", ErrSync, err)
		}
	}
	return nil
}

// newHeader returns the header of a queue that is made now.
func newHeader(g layout.Geometry) (layout.Header, error) {
	h := layout.Header{Geometry: g, Created: time.Now().UnixNano(), BootID: sys.BootID()}
	_, err := rand.Read(h.CreationID[:])
	return h, err
}

// poolText says why need huge pages were not to be had from a pool as it was before.
func poolText(need int64, pool sys.HugePool, err error) string {
	if free := max(pool.Free, 0); err == nil && free < need {
		return fmt.Sprintf("%d are free; make it smaller, or have more of them: sysctl vm.nr_hugepages=%d (pages of another size than the default: /sys/kernel/mm/hugepages)", free, pool.Total+need-free)
	}
	return "the mount's size= or the cgroup's hugetlb limit allows fewer; make it smaller, or raise that"
}

func collapse(f *sys.File, size int) error {
	mem, err := f.Map(size, true)
	if err != nil {
		return err
	}
	if err := errors.Join(sys.Collapse(mem), sys.Unmap(mem)); err != nil {
		return fmt.Errorf("huge pages: %w: %w; make the queue without them (they need Linux 6.1, memory that is not in pieces, a queue of 2 MiB or more)", ErrRefused, err)
	}
	return nil
}

func exists(path string) error {
	return fmt.Errorf("%w: %s; open it as it is, or remove it first", fs.ErrExist, path)
}
