//go:build linux

package memfd_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// newAnonymous makes a queue without a name. The test closes the file, unless that is
// done at its end.
func newAnonymous(t *testing.T, opts *shmq.Options) *os.File {
	t.Helper()
	f, err := shmq.CreateAnonymous(opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// inode tells a file from others.
func inode(t *testing.T, f *os.File) *syscall.Stat_t {
	t.Helper()
	info, err := f.Stat()
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t)
}

// users are the processes that have the file open or mapped, as far as this user may see.
func users(id *syscall.Stat_t) (found []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*")
	mapped := fmt.Sprintf(" %02x:%02x %d ", unix.Major(id.Dev), unix.Minor(id.Dev), id.Ino)
	for _, proc := range procs {
		fds, _ := filepath.Glob(proc + "/fd/*")
		for _, fd := range fds {
			if i, err := os.Stat(fd); err == nil {
				if s := i.Sys().(*syscall.Stat_t); s.Dev == id.Dev && s.Ino == id.Ino {
					found = append(found, fd)
				}
			}
		}
		if maps, _ := os.ReadFile(proc + "/maps"); strings.Contains(string(maps), mapped) {
			found = append(found, proc+"/maps")
		}
	}
	return found
}

// Children share a queue by a number. They go on when their parent has closed it, they
// can be killed, and with the last one the memory is gone.
func TestChildrenShareAnAnonymousQueue(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize = 16, 64
		f := newAnonymous(t, &o)
		id := inode(t, f)
		p, c, heir := testagent.NewWith(t, f), testagent.NewWith(t, f), testagent.NewWith(t, f)
		require.NoError(t, f.Close())
		p.Do("producer fd:3")
		c.Do("consumer fd:3")
		p.Sends("a", "b", "c", "long*100")
		require.Equal(t, testagent.Fresh("a"), c.Lease(1))
		c.Do("ack 0")
		require.Equal(t, testagent.Fresh("b"), c.Lease(1))
		c.Kill()
		heir.Do("consumer-until-eof fd:3")
		require.Equal(t, testagent.Again(1, "b"), heir.Lease(1))
		require.Equal(t, testagent.Fresh("c"), heir.Lease(1))
		p.Do("finish")
		p.Kill()
		require.Equal(t, testagent.Fresh(strings.Repeat("long", 100)), heir.Lease(1))
		for i := range 3 {
			heir.Do("ack %d", i)
		}
		require.Contains(t, heir.Fails("lease 1"), "eof")
		require.NotEmpty(t, users(id))
		heir.Kill()
		testproc.Until(t, func() bool { return len(users(id)) == 0 })
	})
}

func TestNobodyCanChangeTheSizeOfAnAnonymousQueue(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, nil)
	info, err := f.Stat()
	require.NoError(t, err)
	for _, size := range []int64{0, 1, info.Size() - 1, info.Size() + 1} {
		require.ErrorIs(t, f.Truncate(size), unix.EPERM)
	}
	require.ErrorIs(t, unix.Fallocate(int(f.Fd()), 0, info.Size(), 4096), unix.EPERM)
	for _, seal := range []int{unix.F_SEAL_WRITE, unix.F_SEAL_FUTURE_WRITE} {
		_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seal)
		require.ErrorIs(t, err, unix.EPERM, "it would shut out later participants")
	}
	stat := inode(t, f)
	require.EqualValues(t, 0o600, stat.Mode&0o777)
	require.GreaterOrEqual(t, stat.Blocks*512, info.Size(), "all of its memory is reserved")
}

func TestOptionsOfAnAnonymousQueue(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, &shmq.Options{Producers: shmq.One, Slots: 5, SlotSize: 100, Seats: 7, Mode: 0o777})
	info, err := shmq.Stat(shmq.FileName(f))
	require.NoError(t, err)
	require.Equal(t, []int{8, 128, 7}, []int{info.Slots, info.SlotSize, info.Seats})
	require.Equal(t, shmq.One, info.Producers)
	require.Equal(t, "0666", info.Mode)
	path, err := shmq.Path(info.Name)
	require.NoError(t, err)
	require.Equal(t, path, info.Path)
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.Equal(t, unix.FD_CLOEXEC, flags, "a process that is to have it is handed it")

	_, err = shmq.CreateAnonymous(&shmq.Options{Slots: -1})
	require.ErrorIs(t, err, shmq.ErrOption)
	if strconv.IntSize > 32 {
		_, err = shmq.CreateAnonymous(&shmq.Options{Slots: 1 << 24, SlotSize: 1 << 30})
		require.ErrorIs(t, err, shmq.ErrNoSpace, "the kernel would kill a process for it")
		require.ErrorContains(t, err, "fewer or smaller slots")
	}
	_, err = shmq.CreateAnonymous(&shmq.Options{Slots: 16, SlotSize: 64, HugePages: true})
	require.ErrorContains(t, err, "make the queue without them")
	huge, err := shmq.CreateAnonymous(&shmq.Options{HugePages: true})
	if err != nil {
		t.Skip("the kernel has no huge pages for us: ", err)
	}
	defer huge.Close()
	a, err := attach.To(shmq.FileName(huge), shmq.Producer, &attach.Options{Prefault: true})
	require.NoError(t, err)
	mapped := testproc.Smaps(t, fmt.Sprintf(" %d ", inode(t, huge).Ino), "ShmemPmdMapped")
	require.Equal(t, 4096, mapped, "of a file of 4.3 MB two huge pages are whole")
	require.NoError(t, a.Detach())
}

// Once attached, a participant needs neither the descriptor nor what its number means by then.
func TestAttachmentOutlivesTheFile(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, &testagent.Shared)
	q := shmq.FileName(f)
	id := inode(t, f)
	a := testagent.Attach(t, q, shmq.Producer)
	w, err := shmq.Watch(q)
	require.NoError(t, err)
	v, err := shmq.View(q)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, "fd:-1", shmq.FileName(f))
	_, err = shmq.Stat(shmq.FileName(f))
	require.ErrorIs(t, err, shmq.ErrName)

	rp, err := a.Ring().NewProducer(a.Seat())
	require.NoError(t, err)
	require.NoError(t, rp.Send([]byte("a")))
	a.Recover()
	require.False(t, w.Removed())
	require.False(t, v.Removed())
	info, err := w.Stat()
	require.NoError(t, err)
	require.Equal(t, 1, info.Records)
	require.True(t, info.Participants[0].Alive)
	require.NoError(t, errors.Join(a.Detach(), w.Close()))
	require.Len(t, users(id), 2, "the viewer's descriptor and mapping")
	require.NoError(t, v.Close())
	require.Empty(t, users(id))
}
