package sys

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// kind is what of a file never changes, so that it is asked for once: a queue is opened,
// mapped, locked and compared in one breath, and each step wants some of it.
type kind struct {
	fs    uint32 // magic number of the filesystem
	block int64  // of the filesystem, in bytes
}

// kindOf returns on what the file lies.
func (f *File) kindOf() (kind, error) {
	if k := f.kind.Load(); k != nil {
		return *k, nil
	}
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(f.fd, &st) }); err != nil {
		return kind{}, f.failed("statfs", err)
	}
	k := kind{uint32(st.Type), int64(st.Bsize)}
	f.kind.Store(&k)
	return k, nil
}

// stat describes the file as it is now, and remembers its id and when it was last changed.
func (f *File) stat(st *unix.Stat_t) error {
	if err := retry(func() error { return unix.Fstat(f.fd, st) }); err != nil {
		return f.failed("stat", err)
	}
	if f.id.Load() == nil {
		f.id.Store(&ID{uint64(st.Dev), uint64(st.Ino)})
	}
	f.ctim.Store(st.Ctim.Nano())
	return nil
}

// HugePage returns the size of the pages of which the file consists if it lies on
// hugetlbfs, else 0. There a file can't be written to with write, and it and its
// mappings are whole pages.
func (f *File) HugePage() int64 {
	k, err := f.kindOf()
	if err != nil || k.fs != unix.HUGETLBFS_MAGIC {
		return 0
	}
	return k.block
}

// Touched returns when the file was last changed otherwise than through a mapping: written
// to, cut, renamed or given other permissions. ok is false where a filesystem also counts
// stores to mappings, which all do that write pages back.
func (f *File) Touched() (at int64, ok bool, err error) {
	k, err := f.kindOf()
	if err != nil || k.fs != unix.TMPFS_MAGIC && k.fs != unix.HUGETLBFS_MAGIC {
		return 0, false, err
	}
	var st unix.Stat_t
	if err := f.stat(&st); err != nil {
		return 0, false, err
	}
	return st.Ctim.Nano(), true, nil
}

// TouchedBefore is Touched as of the last time that the file was described, if there was one.
func (f *File) TouchedBefore() (at int64, ok bool, err error) {
	k, err := f.kindOf()
	if at = f.ctim.Load(); err != nil || at == 0 || k.fs != unix.TMPFS_MAGIC && k.fs != unix.HUGETLBFS_MAGIC {
		return f.Touched()
	}
	return at, true, nil
}

// Linked reports whether the file has any name at all.
func (f *File) Linked() (bool, error) {
	var st unix.Stat_t
	if err := f.stat(&st); err != nil {
		return false, err
	}
	return st.Nlink > 0, nil
}

// ID identifies the file.
func (f *File) ID() (ID, error) {
	if id := f.id.Load(); id != nil {
		return *id, nil
	}
	_, id, err := f.Owner()
	return id, err
}

// Owner returns the owner of the file and identifies it.
func (f *File) Owner() (uid int, id ID, err error) {
	var st unix.Stat_t
	if err := f.stat(&st); err != nil {
		return 0, ID{}, err
	}
	return int(st.Uid), ID{uint64(st.Dev), uint64(st.Ino)}, nil
}

// PathID identifies the file that path names now.
func PathID(path string) (ID, error) {
	id, _, err := PathNames(path)
	return id, err
}

// PathNames identifies the file that path names now, and reports whether that has any name
// at all: a single file that is mounted on the path goes on being named by it.
func PathNames(path string) (id ID, linked bool, err error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Stat(path, &st) }); err != nil {
		return ID{}, false, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return ID{uint64(st.Dev), uint64(st.Ino)}, st.Nlink > 0, nil
}
