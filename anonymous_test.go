//go:build linux

package shmq_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
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
		heir.Do("consumer fd:3")
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
		require.ErrorIs(t, err, unix.EPERM, "it would shut out who comes later")
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
	require.Equal(t, unix.FD_CLOEXEC, flags, "whoever is to have it is handed it")

	_, err = shmq.CreateAnonymous(&shmq.Options{Slots: -1})
	require.ErrorIs(t, err, shmq.ErrOption)
	if strconv.IntSize > 32 {
		_, err = shmq.CreateAnonymous(&shmq.Options{Slots: 1 << 24, SlotSize: 1 << 30})
		require.ErrorIs(t, err, shmq.ErrNoSpace, "the kernel would kill somebody for it")
		require.ErrorContains(t, err, "fewer or smaller slots")
	}
	_, err = shmq.CreateAnonymous(&shmq.Options{Slots: 16, SlotSize: 64, HugePages: true})
	require.ErrorContains(t, err, "make the queue without them")
	huge, err := shmq.CreateAnonymous(&shmq.Options{HugePages: true})
	if err != nil {
		t.Skip("the kernel has no huge pages for us: ", err)
	}
	defer huge.Close()
	a, err := shmq.Attach(shmq.FileName(huge), shmq.Producer, &shmq.AttachOptions{Prefault: true})
	require.NoError(t, err)
	smaps, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	_, mapping, _ := strings.Cut(string(smaps), fmt.Sprintf(" %d ", inode(t, huge).Ino))
	mapping, _, _ = strings.Cut(mapping, "\n")
	_, mapped := residence(t, mapping)
	require.Equal(t, 4096, mapped, "of a file of 4.3 MB two huge pages are whole")
	require.NoError(t, a.Detach())
}

// Locks belong to an open file description. Attachments by one number share none: not
// within a process, and not with those that the descriptor was inherited by or from.
func TestAttachmentsByOneNumberDoNotShareLocks(t *testing.T) {
	t.Parallel()
	one := shmq.FileName(newAnonymous(t, &single))
	p := attach(t, one, shmq.Producer)
	_, err := shmq.Attach(one, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.ErrorContains(t, err, fmt.Sprintf("pid %d ", os.Getpid()))
	held, err := p.ProducerAttached()
	require.NoError(t, err)
	require.True(t, held, "one's own role counts")

	f := newAnonymous(t, &many)
	q := shmq.FileName(f)
	sender, other := attach(t, q, shmq.Producer), attach(t, q, shmq.Consumer)
	child := testagent.NewWith(t, f)
	child.Do("consumer fd:3")
	rp, err := sender.Ring().NewProducer(sender.Seat())
	require.NoError(t, err)
	require.NoError(t, rp.Send([]byte("a")))
	require.Equal(t, testagent.Fresh("a"), child.Lease(1))
	child.Stop()
	require.NotEqual(t, sender.Seat(), other.Seat())
	for range 10 {
		require.Equal(t, ring.Reclaimed{}, other.Recover(), "it lives")
		rec, err := shmq.Recover(q, nil)
		require.NoError(t, err)
		require.Empty(t, rec.Dead)
		require.Len(t, rec.Alive, 3)
	}
	require.NoError(t, other.Detach())
	require.NoError(t, sender.Detach())
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1)
	require.True(t, info.Participants[0].Alive)
	child.Kill()
	heir := attach(t, q, shmq.Consumer)
	taken := heir.Ring().NewConsumer(heir.Seat())
	require.NoError(t, taken.TryLease(new(leaseOf)))
}

// A participant of another make may lock its seat through the descriptor that it was
// given, which is ours too. A question through that one would be answered: nobody.
func TestLockThroughTheGivenDescriptorIsSeen(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, &many)
	q := shmq.FileName(f)
	me := attach(t, q, shmq.Consumer)
	const seat = 5
	me.Ring().Seat(seat).Take(ring.Occupant{Role: layout.RoleProducer, PID: 1, Attached: 1})
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: layout.SeatOffset + seat*layout.SeatSize, Len: 1}
	require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock))
	require.Equal(t, ring.Reclaimed{}, me.Recover())
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 2)
	require.True(t, info.Participants[1].Alive)
	lock.Type = unix.F_UNLCK
	require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock))
	info, err = shmq.Stat(q)
	require.NoError(t, err)
	require.False(t, info.Participants[1].Alive)
}

// A process may hand the descriptor on to commands it runs. That they end frees nothing
// of its own, and that they go on when it is dead keeps nothing.
func TestDescriptorHandedOnHoldsNoSeat(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, &single)
	q := shmq.FileName(f)
	parent := testproc.StartWith(t, []*os.File{f}, nil, "attach-and-spawn")
	parent.Expect("short one ended")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1)
	require.True(t, info.Participants[0].Alive)
	_, err = shmq.Attach(q, shmq.Consumer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)

	parent.Say("go on")
	pid, err := strconv.Atoi(parent.Expect("long one runs"))
	require.NoError(t, err)
	long, err := os.FindProcess(pid)
	require.NoError(t, err)
	defer long.Release()
	defer long.Kill()
	to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/3", pid))
	require.NoError(t, err)
	require.Contains(t, to, "memfd:shmq")
	parent.Kill()
	info, err = shmq.Stat(q)
	require.NoError(t, err)
	require.False(t, info.Participants[0].Alive)
	attach(t, q, shmq.Consumer)
	require.NoError(t, long.Signal(syscall.Signal(0)), "it still runs")
}

func attachAndSpawn(c *testproc.Child) {
	_, err := shmq.Attach("fd:3", shmq.Consumer, nil)
	c.Check(err)
	c.Check(exec.Command("sh", "-c", "test -e /proc/self/fd/3").Run())
	c.Say("short one ended")
	<-c.Lines
	long := exec.Command("sleep", "600")
	c.Check(long.Start())
	c.Say("long one runs %d", long.Process.Pid)
	<-c.Lines
}

// A child that is forked and executes nothing has the descriptor, too, and copies of all
// that its parent opened.
func TestForkedChildKeepsNoSeatOfAnAnonymousQueue(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, &single)
	q := shmq.FileName(f)
	c := testproc.StartWith(t, []*os.File{f}, nil, "fork", "fd:3")
	forked, err := strconv.Atoi(c.Expect("forked"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Kill(forked, syscall.SIGKILL) })
	to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/3", forked))
	require.NoError(t, err)
	require.Contains(t, to, "memfd:shmq")
	_, err = shmq.Attach(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	c.Terminate()
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		return !info.Participants[0].Alive
	})
	attach(t, q, shmq.Producer)
	require.NoError(t, syscall.Kill(forked, syscall.SIGKILL))
}

// Once attached, nobody needs the descriptor, nor what its number means by then.
func TestAttachmentOutlivesTheFile(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, &many)
	q := shmq.FileName(f)
	id := inode(t, f)
	a := attach(t, q, shmq.Producer)
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

// Any queue's file can be given, also one that has a name, or had one.
func TestDescriptorOfANamedQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &many)
	path, err := shmq.Path(q)
	require.NoError(t, err)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	p, c := testagent.Producer(t, q), testagent.NewWith(t, f)
	c.Do("consumer fd:3")
	p.Sends("a")
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	require.ErrorIs(t, shmq.Remove(q), shmq.ErrInUse)
	require.NoError(t, shmq.ForceRemove(q))
	late := testagent.NewWith(t, f)
	late.Do("producer fd:3")
	late.Sends("b")
	require.Equal(t, testagent.Fresh("b"), c.Lease(1))
}

func TestDescriptorCanNotBeMadeNorRemoved(t *testing.T) {
	t.Parallel()
	q := shmq.FileName(newAnonymous(t, nil))
	attach(t, q, shmq.Producer)
	for _, name := range []string{q, "fd:999999"} {
		for _, err := range []error{
			shmq.Create(name, nil), shmq.Remove(name), shmq.ForceRemove(name),
			shmq.RemoveIf(name, func() error { panic("asked") }),
		} {
			require.ErrorIs(t, err, shmq.ErrName)
			require.ErrorContains(t, err, fmt.Sprintf("%q", name))
		}
	}
	require.ErrorContains(t, shmq.Remove(q), "last user")
	require.ErrorContains(t, shmq.Create(q, nil), "CreateAnonymous")
}

// Such a name means no file, but a path does, and the list has that.
func TestFileCalledLikeADescriptor(t *testing.T) {
	t.Setenv("SHMQ_DIR", t.TempDir())
	path := filepath.Join(shmq.Dir(), "shmq.fd:3")
	require.NoError(t, shmq.Create(path, nil))
	require.NoError(t, shmq.Create("fd", nil))
	names, err := shmq.Names()
	require.NoError(t, err)
	require.Equal(t, []string{"fd", path}, names)
	entries, err := shmq.List()
	require.NoError(t, err)
	require.NoError(t, entries[1].Err)
}

// What is no queue's descriptor is reported at once, in one line.
func TestDescriptorOfSomethingElse(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	path, err := shmq.Path(q)
	require.NoError(t, err)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	text, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer text.Close()
	damaged := testagent.Queue(t, nil)
	damagedPath, err := shmq.Path(damaged)
	require.NoError(t, err)
	patch(t, damagedPath, layout.OffSeats, 7)
	future := newAnonymous(t, nil)
	_, err = future.WriteAt([]byte{7}, layout.OffVersion)
	require.NoError(t, err)
	open := func(path string, flags int) string {
		f, err := os.OpenFile(path, flags, 0)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return shmq.FileName(f)
	}
	for what, c := range map[string]struct {
		name string
		is   error
		says string
	}{
		"none":           {"fd:999999", fs.ErrNotExist, "no descriptor 999999"},
		"pipe":           {shmq.FileName(r), shmq.ErrNotQueue, "pipe:["},
		"pipe's other":   {shmq.FileName(w), fs.ErrPermission, "pipe:["},
		"directory":      {open(t.TempDir(), os.O_RDONLY), shmq.ErrNotQueue, "no regular file"},
		"device":         {open("/dev/null", os.O_RDWR), shmq.ErrNotQueue, "/dev/null"},
		"empty file":     {shmq.FileName(text), shmq.ErrNotQueue, "magic"},
		"other version":  {shmq.FileName(future), shmq.ErrVersion, "version 7"},
		"damaged":        {open(damagedPath, os.O_RDWR), shmq.ErrDamaged, "checksum"},
		"for writing":    {open(path, os.O_WRONLY), fs.ErrPermission, "not open for reading"},
		"for nothing":    {open(path, unix.O_PATH), fs.ErrPermission, "not open for reading"},
		"no number":      {"fd:", shmq.ErrName, "number"},
		"word":           {"fd:three", shmq.ErrName, "number"},
		"negative":       {"fd:-1", shmq.ErrName, "number"},
		"sign":           {"fd:+3", shmq.ErrName, "number"},
		"too large":      {"fd:4294967296", shmq.ErrName, "number"},
		"control":        {"fd:\x1b[2J", shmq.ErrName, "number"},
		"trailing space": {"fd:3 ", shmq.ErrName, "number"},
	} {
		t.Run(what, func(t *testing.T) {
			check := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, c.is)
				require.ErrorContains(t, err, fmt.Sprintf("%q", c.name))
				require.ErrorContains(t, err, c.says)
				require.NotContains(t, err.Error(), "\n")
				require.NotContains(t, err.Error(), "\x1b")
			}
			_, err := shmq.Attach(c.name, shmq.Producer, nil)
			check(err)
			_, err = shmq.Stat(c.name)
			check(err)
			_, err = shmq.View(c.name)
			check(err)
			_, err = shmq.Recover(c.name, nil)
			check(err)
		})
	}
	// Who was given no more than to look can look.
	looking := open(path, os.O_RDONLY)
	_, err = shmq.Stat(looking)
	require.NoError(t, err)
	_, err = shmq.Attach(looking, shmq.Consumer, nil)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "reading and writing")
	require.ErrorContains(t, err, "attach to")
	_, err = shmq.Attach("fd:999999", shmq.Consumer, nil)
	require.ErrorContains(t, err, "attach to", "not: create")
}

// A stranger's seal can shut out who comes later, and no more.
func TestDescriptorSealedAgainstWriting(t *testing.T) {
	t.Parallel()
	f := unsealed(t)
	q := shmq.FileName(f)
	a := attach(t, q, shmq.Producer)
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE)
	require.NoError(t, err)
	_, err = shmq.Attach(q, shmq.Consumer, nil)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "seal")
	_, err = shmq.Stat(q)
	require.NoError(t, err)
	rp, err := a.Ring().NewProducer(a.Seat())
	require.NoError(t, err)
	require.NoError(t, rp.Send([]byte("a")))
}

// unsealed is an anonymous queue as somebody makes it who leaves the seals out.
func unsealed(t *testing.T) *os.File {
	t.Helper()
	whole, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", newAnonymous(t, &shmq.Options{Slots: 16, SlotSize: 64}).Fd()))
	require.NoError(t, err)
	fd, err := unix.MemfdCreate("stranger", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	require.NoError(t, err)
	f := os.NewFile(uintptr(fd), "stranger")
	t.Cleanup(func() { f.Close() })
	_, err = f.Write(whole)
	require.NoError(t, err)
	return f
}

// The descriptor alone is not enough for another user, as with any file: its mode counts
// when it is opened anew. It can be changed at any time.
func TestDescriptorForAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	private, public := newAnonymous(t, &many), newAnonymous(t, &shmq.Options{Mode: 0o666})
	c := testproc.StartWith(t, []*os.File{private, public}, nil, "open-fds-as")
	said := c.Expect("private")
	require.Contains(t, said, "permission denied")
	require.Contains(t, said, "0666")
	require.Equal(t, "ok", c.Expect("public"))
	require.NoError(t, private.Chmod(0o666))
	c.Say("again")
	require.Equal(t, "ok", c.Expect("private"))
}

func openFDsAs(c *testproc.Child) {
	const nobody = 65534
	c.Check(syscall.Setgroups(nil))
	c.Check(syscall.Setgid(nobody))
	c.Check(syscall.Setuid(nobody))
	try := func(name string) string {
		a, err := shmq.Attach(name, shmq.Producer, nil)
		if err != nil {
			return err.Error()
		}
		c.Check(a.Detach())
		return "ok"
	}
	c.Say("private %s", try("fd:3"))
	c.Say("public %s", try("fd:4"))
	<-c.Lines
	c.Say("private %s", try("fd:3"))
	<-c.Lines
}

// Filters in children refuse what some sandboxes and systems do.
func TestAnonymousQueueWhereTheSystemRefuses(t *testing.T) {
	t.Parallel()
	c := testproc.StartWith(t, []*os.File{newAnonymous(t, nil)}, nil, "no-proc")
	require.Contains(t, c.Expect("refused"), "/proc")
	for _, errno := range []syscall.Errno{unix.EPERM, unix.ENOSYS} {
		c := testproc.Start(t, "no-memfd", strconv.Itoa(int(errno)))
		require.Contains(t, c.Expect("refused"), "use a queue with a name")
	}
}

func attachWithoutProc(c *testproc.Child) {
	c.Refuse(unix.SYS_OPENAT, unix.ENOENT, 2, unix.O_NONBLOCK) // as nothing else opens
	_, err := shmq.Attach("fd:3", shmq.Producer, nil)
	sayRefused(c, err)
}

func createWithoutMemfd(c *testproc.Child) {
	errno, err := strconv.Atoi(c.Args[0])
	c.Check(err)
	c.Refuse(unix.SYS_MEMFD_CREATE, syscall.Errno(errno), 0, 0)
	_, err = shmq.CreateAnonymous(nil)
	sayRefused(c, err)
}

func sayRefused(c *testproc.Child, err error) {
	if !errors.Is(err, shmq.ErrRefused) || errors.Is(err, fs.ErrNotExist) {
		c.Fail("got %v", err)
	}
	c.Say("refused %v", err)
	<-c.Lines
}
