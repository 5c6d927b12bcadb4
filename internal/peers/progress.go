//go:build linux

package main

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// progress is what an end that may be killed tells of itself, in a file that the runner maps.
// Only that end writes it.
type progress struct {
	sent  atomic.Uint64    // sends that returned
	first atomic.Uint64    // the first number received, and one
	next  [2]atomic.Uint64 // one more than the last number received from each sender
	gaps  atomic.Uint64    // numbers that were passed over
	again atomic.Uint64    // records that came again, or late
	torn  atomic.Uint64
	total atomic.Uint64
	_     [256 - 64]byte
}

const areas = 16

// progresses maps the file, and makes it if it is not there.
func progresses(dir string) (*[areas]progress, error) {
	f, err := os.OpenFile(filepath.Join(dir, "progress"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int(unsafe.Sizeof([areas]progress{}))
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*[areas]progress)(unsafe.Pointer(&mem[0])), nil
}

func unmap(p *[areas]progress) error {
	return unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p)))
}

// received notes a record. Its number holds which sender it came from.
func (p *progress) received(n uint64, whole bool) {
	if !whole {
		p.torn.Add(1)
		return
	}
	next, i := &p.next[n>>32&1], n&(1<<32-1)
	if p.first.Load() == 0 {
		p.first.Store(n + 1)
		next.Store(i)
	}
	if want := next.Load(); i < want {
		p.again.Add(1)
	} else {
		p.gaps.Add(i - want)
		next.Store(i + 1)
	}
	p.total.Add(1)
}
