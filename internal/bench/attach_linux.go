package bench

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// attacher attaches to a queue and leaves it. Leaving is timed only where the case says so.
type attacher struct {
	clock  *monotonic
	leave  bool
	attach func() (leave func() error, err error)
}

func newAttach(s spec, c *monotonic) end {
	return &attacher{c, s.Case.Leave, func() (func() error, error) {
		p, err := openProducer(s.queue())
		if err != nil {
			return nil, err
		}
		return p.Close, nil
	}}
}

func (a *attacher) run(o order) (out outcome, err error) {
	out.hist = newHistogram()
	for range o.N {
		t := a.clock.now()
		leave, err := a.attach()
		if err != nil {
			return out, err
		}
		ns := a.clock.now() - t
		if err := leave(); err != nil {
			return out, err
		}
		if a.leave {
			ns = a.clock.now() - t
		}
		out.end += ns // from 0 on: the sum of the times
		record(out.hist, ns)
	}
	return out, nil
}

func (a *attacher) close() error { return nil }

// bareAttach makes the system calls that a producer can't do without to attach and leave, stores
// to the pages that it has to, and does nothing else: what the kernel takes for it.
//
//	the queue's description   its size, its header, the mapping, which no child gets
//	the lock of streams       until the seat is taken
//	a second description      that has the locks, to which questions through the first are
//	                          those of another, and whose mapping keeps it without a descriptor
//	the role, the seat        is there another producer, or a process that recovers?
//	the name                  does it still mean this file?
type bareAttach struct {
	path string
	size uintptr
	page [layout.HeaderUsed]byte
	disk unix.Statfs_t
	file unix.Stat_t
	err  error
}

func newBareAttach(s spec, c *monotonic) (end, error) {
	b := &bareAttach{path: s.queue()}
	b.no(unix.Stat(b.path, &b.file))
	b.size = uintptr(b.file.Size)
	b.no(sys.BarrierOwn()) // registers the process
	return &attacher{c, s.Case.Leave, b.attach}, b.err
}

// no keeps the first error.
func (b *bareAttach) no(err error) {
	if err != nil && b.err == nil {
		b.err = err
	}
}

func (b *bareAttach) open() int {
	fd, err := unix.Open(b.path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	b.no(err)
	return fd
}

func (b *bareAttach) mmap(fd int, size uintptr, prot int) unsafe.Pointer {
	p, err := unix.MmapPtr(fd, 0, nil, size, prot, unix.MAP_SHARED)
	if b.no(err); err == nil {
		b.no(unix.Madvise(unsafe.Slice((*byte)(p), size), unix.MADV_DONTFORK))
	}
	return p
}

func (b *bareAttach) lock(fd, cmd int, kind int16, at int64) {
	lk := unix.Flock_t{Type: kind, Start: at, Len: 1}
	b.no(unix.FcntlFlock(uintptr(fd), cmd, &lk))
}

func (b *bareAttach) attach() (func() error, error) {
	q := b.open()
	b.no(unix.Fstatfs(q, &b.disk))
	b.no(unix.Fstat(q, &b.file))
	_, err := unix.Pread(q, b.page[:], 0)
	b.no(err)
	mem := b.mmap(q, b.size, unix.PROT_READ|unix.PROT_WRITE)
	_, err = unix.FcntlInt(uintptr(q), unix.F_GET_SEALS, 0) // can it be cut?
	b.no(err)
	own, page := b.open(), uintptr(unix.Getpagesize())
	b.no(unix.Fstat(own, &b.file))
	pin := b.mmap(own, page, unix.PROT_READ)
	if b.err != nil {
		return nil, b.err
	}
	seen := *(*uint64)(unsafe.Add(mem, layout.HotOffset))
	b.lock(q, unix.F_OFD_SETLK, unix.F_WRLCK, layout.LockStream)
	b.lock(own, unix.F_OFD_SETLK, unix.F_RDLCK, layout.LockProducer)
	b.no(unix.Fstat(q, &b.file)) // was it written to otherwise than through a mapping?
	b.lock(own, unix.F_OFD_GETLK, unix.F_WRLCK, layout.LockProducer)
	b.lock(q, unix.F_OFD_SETLK, unix.F_RDLCK, layout.LockRecovery)
	b.lock(own, unix.F_OFD_SETLK, unix.F_WRLCK, layout.SeatOffset)
	*(*uint64)(unsafe.Add(mem, layout.SeatOffset)) = seen
	b.lock(q, unix.F_OFD_SETLK, unix.F_UNLCK, layout.LockRecovery)
	b.no(unix.Close(own))
	b.lock(q, unix.F_OFD_SETLK, unix.F_UNLCK, layout.LockStream)
	b.no(unix.Stat(b.path, &b.file))
	leave := func() error {
		b.no(sys.BarrierOwn())
		b.lock(q, unix.F_OFD_SETLK, unix.F_WRLCK, layout.LockStream)
		b.no(unix.MunmapPtr(pin, page))
		b.lock(q, unix.F_OFD_GETLK, unix.F_WRLCK, layout.LockProducer)
		b.lock(q, unix.F_OFD_SETLK, unix.F_UNLCK, layout.LockStream)
		_, err := sys.WakeAll((*uint32)(unsafe.Add(mem, layout.HotOffset)))
		b.no(err)
		b.no(unix.MunmapPtr(mem, b.size))
		b.no(unix.Close(q))
		return b.err
	}
	return leave, b.err
}
