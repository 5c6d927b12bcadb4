package sys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sync returns when what was stored into a mapping is on stable storage. Each description hears of a failed write once; afterwards the pages
// count as written, although they are not: see Redirty.
func Sync(b []byte) error {
	if err := retry(func() error { return unix.Msync(b, unix.MS_SYNC) }); err != nil {
		return os.NewSyscallError("msync", err)
	}
	return nil
}

// SyncPart is Sync for the pages in which n bytes of a mapping lie, whatever the size of
// pages here.
func SyncPart(b []byte, off, n int) error {
	return Sync(b[off&^(unix.Getpagesize()-1) : off+n])
}

// Redirty makes the kernel write all pages of a mapping once more at the next Sync.
func Redirty(b []byte) error {
	err := retry(func() error { return unix.Madvise(b, unix.MADV_POPULATE_WRITE) })
	if err != unix.EINVAL {
		return os.NewSyscallError("madvise", err)
	}
	for i := 0; i < len(b); i += unix.Getpagesize() { // before Linux 5.14
		atomic.AddUint32((*uint32)(unsafe.Pointer(&b[i])), 0)
	}
	return nil
}

// StartSync starts to write the first size bytes of the file to its storage, as far as
// they changed, also through mappings, and does not wait for the end. It makes nothing
// durable by itself.
func (f *File) StartSync(size int64) error {
	if err := retry(func() error { return unix.SyncFileRange(f.fd, 0, size, unix.SYNC_FILE_RANGE_WRITE) }); err != nil {
		return &fs.PathError{Op: "sync_file_range", Path: f.path, Err: err}
	}
	return nil
}

// WriteZeros writes size bytes of zeros, a page at a time.
//
// Storage that was allocated and never written is marked as such in the file's metadata.
// After a write to it that failed, ext4 takes a second one, that succeeds, without removing
// the mark: the data is on the disk, and after a crash the file reads as zeros. It also
// costs the first sync of each page a commit of the journal.
//
// Larger writes would put the file into larger folios of the page cache, each of which is
// written as a whole for any byte that changes in it.
func (f *File) WriteZeros(size int64) error {
	var zeros [4096]byte
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if err := f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return err
		}
	}
	return nil
}

// Sync returns when the file, and what was stored into its mappings, is on stable
// storage.
func (f *File) Sync() error {
	if err := retry(func() error { return unix.Fsync(f.fd) }); err != nil {
		return &fs.PathError{Op: "fsync", Path: f.path, Err: err}
	}
	return nil
}

// SyncName returns when the file's name is on stable storage.
func (f *File) SyncName() error {
	dir, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil // names of this filesystem are not stored one by one
	}
	return errors.Join(err, dir.Close())
}

// Mount identifies the mount through which the file was opened: since Linux 6.8 by a
// number that is never used again in this boot, since 5.8 by one that another mount can
// have after this one is gone, before that by 0.
func (f *File) Mount() uint64 {
	var st unix.Statx_t
	for _, mask := range []int{unix.STATX_MNT_ID_UNIQUE, unix.STATX_MNT_ID} {
		if unix.Statx(f.fd, "", unix.AT_EMPTY_PATH, mask, &st) == nil && st.Mask&uint32(mask) != 0 {
			return st.Mnt_id
		}
	}
	return 0
}

// MapPrivate maps the first size bytes of the file to be changed by no other process and for
// no other: stores go to a copy of the page.
func (f *File) MapPrivate(size int) ([]byte, error) {
	n := uintptr(size)
	if page := uintptr(f.HugePage()); page != 0 { // whole pages, or it can't be unmapped
		n = (n + page - 1) / page * page
	}
	p, err := unix.MmapPtr(f.fd, 0, nil, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, &fs.PathError{Op: "map", Path: f.path, Err: err}
	}
	return unsafe.Slice((*byte)(p), n)[:size], nil
}
