package sys

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugeSize is what a huge page holds where pages have 4 KiB.
const hugeSize = 2 << 20

// Map maps the first size bytes of the file, shared, so that huge pages of the file are
// huge in the mapping too. A forked child does not get the mapping: it would otherwise
// keep its parent's locks alive.
func (f *File) Map(size int, write bool) ([]byte, error) {
	prot := unix.PROT_READ
	if write {
		prot |= unix.PROT_WRITE
	}
	n, flags := uintptr(size), unix.MAP_SHARED
	var at unsafe.Pointer
	if page := uintptr(f.HugePage()); page != 0 { // the kernel aligns it
		n = (n + page - 1) / page * page
	} else if at = aligned(n); at != nil {
		flags |= unix.MAP_FIXED
	}
	p, err := unix.MmapPtr(f.fd, 0, at, n, prot, flags)
	if err != nil {
		if at != nil {
			_ = unix.MunmapPtr(at, n) // our own reservation: can't fail
		}
		return nil, refusedMap("map", f.path, err)
	}
	b := unsafe.Slice((*byte)(p), n)
	if err := unix.Madvise(b, unix.MADV_DONTFORK); err != nil {
		_ = Unmap(b)
		return nil, refusedMap("madvise", f.path, err)
	}
	return b[:size], nil
}

func refusedMap(op, path string, errno error) error {
	err := limited(&fs.PathError{Op: op, Path: path, Err: errno})
	if !errors.Is(err, ErrRefused) {
		err = refused(err, "the sandbox has to allow shared mappings, and the filesystem to have them, as /dev/shm does")
	}
	return err
}

// aligned reserves n bytes of addresses that start at a multiple of hugeSize, to be
// mapped over. It returns nil where that is of no use or there is no room.
func aligned(n uintptr) unsafe.Pointer {
	if n < hugeSize {
		return nil
	}
	all := n + hugeSize
	p, err := unix.MmapPtr(-1, 0, nil, all, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	before := -uintptr(p) & (hugeSize - 1)
	at := unsafe.Add(p, before)
	// The kernel unmaps whole pages; what is left over of the last one goes with it.
	page := uintptr(unix.Getpagesize())
	end := (before + n + page - 1) &^ (page - 1)
	if before > 0 {
		_ = unix.MunmapPtr(p, before) // our own reservation: can't fail
	}
	if end < all {
		_ = unix.MunmapPtr(unsafe.Add(p, end), all-end)
	}
	return at
}

// Unmap ends a mapping, of which b is the beginning and its capacity all. A segment is
// detached when all of it is unmapped.
func Unmap(b []byte) error {
	p := unsafe.Pointer(unsafe.SliceData(b))
	err := unix.MunmapPtr(p, uintptr(cap(b)))
	if err == unix.EINVAL { // a segment in huge pages whose size is not a multiple of theirs
		err = unix.SysvShmDetach(b)
	}
	return err
}

// Collapse gathers the pages behind a mapping into huge ones, for every process that maps
// the file: those that are whole, from the start on. It needs Linux 6.1, a filesystem
// in memory, and memory that is not in pieces.
func Collapse(b []byte) error {
	whole := len(b) &^ (hugeSize - 1)
	if whole == 0 {
		return fmt.Errorf("it takes %d bytes, and a huge page %d", len(b), hugeSize)
	}
	var err error
	for range 3 { // EAGAIN: a page was in use just then
		if err = unix.Madvise(b[:whole], unix.MADV_COLLAPSE); err != unix.EAGAIN {
			break
		}
	}
	return err
}

// LockMemory keeps a mapping's pages in memory for as long as it is mapped: they are
// never written to swap space.
func LockMemory(b []byte) error {
	err := retry(func() error { return unix.Mlock(b) })
	if err == nil {
		return nil
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) != nil {
		limit.Cur = 0
	}
	return refused(fmt.Errorf("lock %d bytes in memory: %w", len(b), err),
		fmt.Sprintf("the limit of locked memory is %d bytes: raise it (ulimit -l, in a unit LimitMEMLOCK=), or do without the lock", limit.Cur))
}

// Prefault makes all pages of a mapping ready to be written, so that the first use of
// each is as fast as the next. Before Linux 5.14 it reads one byte of each instead.
func Prefault(b []byte) error {
	err := unix.Madvise(b[:cap(b)], unix.MADV_POPULATE_WRITE)
	if err != unix.EINVAL {
		return err
	}
	for i := 0; i < len(b); i += unix.Getpagesize() {
		atomic.LoadUint32((*uint32)(unsafe.Pointer(&b[i&^3])))
	}
	return nil
}
