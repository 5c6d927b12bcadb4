package sys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// File is an open file description. Locks belong to it, so a question about one's
// own locks has to be asked through another File. It is safe for concurrent use,
// except that Close must come last.
type File struct {
	fd     int
	path   string
	temp   string // from CreateTemp, where a file needs a name: this one, until Close
	named  bool   // path led to it when it was opened
	follow bool   // through a symbolic link, perhaps

	kind atomic.Pointer[kind] // nil until it was asked for
	id   atomic.Pointer[ID]   // nil until it was asked for
	ctim atomic.Int64         // as it was when it was last asked for, 0 before
}

// ID tells one file from another on this machine, whatever it is called.
type ID struct{ Dev, Ino uint64 }

// Open opens an existing file without creating it: with O_CREAT the kernel would
// refuse another user's file in a sticky directory (fs.protected_regular). It
// never blocks, so that a FIFO in the way is reported and not waited for.
// follow tells whether a symbolic link as the last part of path is followed.
func Open(path string, write, follow bool) (*File, error) {
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	flags |= unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := retryInt(func() (int, error) { return unix.Open(path, flags, 0) })
	if err != nil {
		return nil, limited(&fs.PathError{Op: "open", Path: path, Err: err})
	}
	return &File{fd: fd, path: path, named: true, follow: follow}, nil
}

// Reopen returns a new open file description of the same file, even if its name is
// gone or means another file by now. The name costs the kernel half of what its path in
// /proc does, so that comes second.
func (f *File) Reopen() (*File, error) {
	if f.named {
		if g, err := f.reopenBy(f.path, f.follow); err == nil {
			return g, nil
		}
	}
	g, err := f.reopenBy(f.proc(), true)
	if errors.Is(err, fs.ErrNotExist) { // no /proc here
		g, err = f.reopenBy(f.path, !f.named || f.follow)
	}
	return g, err
}

// reopenBy opens path, if that means the same file.
func (f *File) reopenBy(path string, follow bool) (*File, error) {
	g, err := Open(path, true, follow)
	if err != nil {
		return nil, err
	}
	g.path, g.named, g.follow = f.path, f.named, f.follow
	a, errA := f.ID()
	b, errB := g.ID()
	if err := errors.Join(errA, errB); err != nil || a != b {
		return nil, errors.Join(err, g.Close(), &fs.PathError{Op: "reopen", Path: f.path, Err: unix.ESTALE})
	}
	g.kind.Store(f.kind.Load())
	return g, nil
}

func (f *File) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.path, Err: err}
}

// allocateStep is what one call reserves. In older kernels a signal makes tmpfs undo
// the whole call, so one that takes long, under a profiler's signals, would never end.
const allocateStep = 1 << 20

// Allocate gives the file size bytes of storage, all zero. Without the storage it
// fails, with ENOSPC, and a later access cannot fault for lack of it. In huge pages the
// file becomes as long as the pages are.
func (f *File) Allocate(size int64) error {
	// A size that can't fit is refused before other processes feel the attempt. A
	// filesystem without a limit says that it has no blocks at all.
	var st unix.Statfs_t
	if unix.Fstatfs(f.fd, &st) == nil && st.Blocks != 0 && uint64(size)/uint64(st.Bsize) > st.Bfree {
		return &fs.PathError{Op: "allocate", Path: f.path, Err: unix.ENOSPC}
	}
	step := int64(allocateStep)
	if page := f.HugePage(); page != 0 {
		step, size = page, (size+page-1)/page*page
	}
	// Known beforehand, the size lets a tmpfs of huge=within_size use huge pages.
	if err := retry(func() error { return unix.Ftruncate(f.fd, size) }); err != nil {
		return limited(&fs.PathError{Op: "allocate", Path: f.path, Err: err})
	}
	for off := int64(0); off < size; off += step {
		n := min(step, size-off)
		err := retry(func() error { return unix.Fallocate(f.fd, 0, off, n) })
		switch err {
		case nil:
			continue
		case unix.EOPNOTSUPP, unix.ENOSYS, unix.EPERM, unix.EACCES: // some filesystems, some sandboxes
			err = f.WriteAt(make([]byte, n), off)
		default:
			err = &fs.PathError{Op: "allocate", Path: f.path, Err: err}
		}
		if err != nil {
			return limited(err)
		}
	}
	return nil
}

// Stat describes the file. The mode has no type, but for fs.ModeIrregular where it is no
// regular file.
func (f *File) Stat() (size int64, mode fs.FileMode, uid int, err error) {
	var st unix.Stat_t
	if err := f.stat(&st); err != nil {
		return 0, 0, 0, err
	}
	mode = fs.FileMode(st.Mode & 0o777)
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		mode |= fs.ModeIrregular
	}
	return st.Size, mode, int(st.Uid), nil
}

// ReadAt reads until b is full or the file ends.
func (f *File) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		m, err := retryInt(func() (int, error) { return unix.Pread(f.fd, b[n:], off+int64(n)) })
		if err != nil {
			return n, &fs.PathError{Op: "read", Path: f.path, Err: err}
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

// WriteAt writes all of b to the file. On hugetlbfs it has to lie in what the file has
// already.
func (f *File) WriteAt(b []byte, off int64) error {
	if f.HugePage() != 0 {
		mem, err := f.Map(int(off)+len(b), true)
		if err != nil {
			return err
		}
		copy(mem[off:], b)
		return Unmap(mem)
	}
	for n := 0; n < len(b); {
		m, err := retryInt(func() (int, error) { return unix.Pwrite(f.fd, b[n:], off+int64(n)) })
		if err != nil {
			return &fs.PathError{Op: "write", Path: f.path, Err: err}
		}
		n += m
	}
	return nil
}

// Close closes the description. Its locks go when the last mapping and the last
// copy of it are gone too, so a caller that means to drop them unlocks first.
func (f *File) Close() error {
	err := f.dropTemp()
	if e := unix.Close(f.fd); e != nil {
		err = errors.Join(err, &fs.PathError{Op: "close", Path: f.path, Err: e})
	}
	return err
}

// MayUnlink fails if this process can't remove the name path, for want of permission.
func MayUnlink(path string) error {
	dir := filepath.Dir(path)
	var d, st unix.Stat_t
	err := retry(func() error { return unix.Stat(dir, &d) })
	if err == nil {
		err = retry(func() error { return unix.Lstat(path, &st) })
	}
	if err == nil {
		err = retry(func() error { return unix.Access(dir, unix.W_OK|unix.X_OK) })
	}
	if me := uint32(os.Geteuid()); err == nil && d.Mode&unix.S_ISVTX != 0 && me != 0 && me != st.Uid && me != d.Uid {
		err = unix.EPERM
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

// Free returns the bytes that an unprivileged user can still allocate in dir.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Statfs(dir, &st) }); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// FreeFiles returns how many files can still be made on the filesystem of dir. Where that
// has no such number it returns an error.
func FreeFiles(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Statfs(dir, &st) }); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if st.Files == 0 { // Btrfs, for one
		return 0, ErrUnsupported
	}
	return int64(st.Ffree), nil
}

func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

func retryInt(f func() (int, error)) (int, error) {
	for {
		if n, err := f(); err != unix.EINTR {
			return n, err
		}
	}
}
