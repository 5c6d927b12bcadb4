//go:build linux

package memfd_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
)

// Any queue's file can be given, also one that has a name, or had one.
func TestDescriptorOfANamedQueue(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
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
	testagent.Attach(t, q, shmq.Producer)
	for _, name := range []string{q, "fd:999999"} {
		for _, err := range []error{
			shmq.Create(name, nil), shmq.Remove(name), shmq.ForceRemove(name),
			shmq.Remove(name, func() error { panic("asked") }),
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
	names, err := name.All()
	require.NoError(t, err)
	require.Equal(t, []string{"fd", path}, names)
	entries, err := shmq.List()
	require.NoError(t, err)
	require.NoError(t, entries[1].Err)
}

// A descriptor that is no queue's is reported at once, in one line.
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
	testagent.Patch(t, damagedPath, layout.OffSeats, 7)
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
			_, err := attach.To(c.name, shmq.Producer, nil)
			check(err)
			_, err = shmq.Stat(c.name)
			check(err)
			_, err = shmq.View(c.name)
			check(err)
			_, err = shmq.Recover(c.name, nil)
			check(err)
		})
	}
	// A process that was given no more than to read can read.
	looking := open(path, os.O_RDONLY)
	_, err = shmq.Stat(looking)
	require.NoError(t, err)
	_, err = attach.To(looking, shmq.Consumer, nil)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "reading and writing")
	require.ErrorContains(t, err, "attach to")
	_, err = attach.To("fd:999999", shmq.Consumer, nil)
	require.ErrorContains(t, err, "attach to", "not: create")
}

// A stranger's seal can shut out processes that come later, and no more.
func TestDescriptorSealedAgainstWriting(t *testing.T) {
	t.Parallel()
	f := unsealed(t)
	q := shmq.FileName(f)
	a := testagent.Attach(t, q, shmq.Producer)
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE)
	require.NoError(t, err)
	_, err = attach.To(q, shmq.Consumer, nil)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "seal")
	_, err = shmq.Stat(q)
	require.NoError(t, err)
	rp, err := a.Ring().NewProducer(a.Seat())
	require.NoError(t, err)
	require.NoError(t, rp.Send([]byte("a")))
}

// unsealed is an anonymous queue as a program makes it that leaves the seals out.
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
