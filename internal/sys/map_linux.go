package sys

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Map maps the first size bytes of the file, shared. A forked child does not get
// the mapping: it would otherwise keep its parent's locks alive.
func (f *File) Map(size int, write bool) ([]byte, error) {
	prot := unix.PROT_READ
	if write {
		prot |= unix.PROT_WRITE
	}
	b, err := unix.Mmap(f.fd, 0, size, prot, unix.MAP_SHARED)
	if err != nil {
		return nil, &fs.PathError{Op: "map", Path: f.path, Err: err}
	}
	if err := unix.Madvise(b, unix.MADV_DONTFORK); err != nil {
		unix.Munmap(b)
		return nil, &fs.PathError{Op: "madvise", Path: f.path, Err: err}
	}
	return b, nil
}

// Unmap ends a mapping.
func Unmap(b []byte) error { return unix.Munmap(b) }
