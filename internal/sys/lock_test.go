package sys_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
)

func newFile(t *testing.T) (*sys.File, string) {
	t.Helper()
	path := t.TempDir() + "/file"
	f, err := sys.CreateTemp(path, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	require.NoError(t, f.Allocate(4096))
	require.NoError(t, f.Link())
	return f, path
}

func reopen(t *testing.T, f *sys.File) *sys.File {
	t.Helper()
	g, err := f.Reopen()
	require.NoError(t, err)
	t.Cleanup(func() { g.Close() })
	return g
}

func locked(t *testing.T, f *sys.File, off int64) bool {
	t.Helper()
	held, err := f.Locked(off)
	require.NoError(t, err)
	return held
}

func tryLock(t *testing.T, f *sys.File, off int64, exclusive bool) bool {
	t.Helper()
	ok, err := f.TryLock(off, exclusive)
	require.NoError(t, err)
	return ok
}

func TestLockBelongsToTheDescription(t *testing.T) {
	t.Parallel()
	a, _ := newFile(t)
	b := reopen(t, a)
	require.True(t, tryLock(t, a, 10, true))
	require.False(t, locked(t, a, 10), "one's own lock is no obstacle to oneself")
	require.True(t, locked(t, b, 10), "another description of the same process sees it")
	require.False(t, locked(t, b, 11), "one byte is locked")
	require.False(t, tryLock(t, b, 10, true))
	require.False(t, tryLock(t, b, 10, false))
	require.NoError(t, a.Unlock(10))
	require.False(t, locked(t, b, 10))
	require.True(t, tryLock(t, b, 10, true))
}

func TestSharedLocksExcludeAnExclusiveOne(t *testing.T) {
	t.Parallel()
	a, _ := newFile(t)
	b, c := reopen(t, a), reopen(t, a)
	require.True(t, tryLock(t, a, 10, false))
	require.True(t, tryLock(t, b, 10, false))
	require.False(t, tryLock(t, c, 10, true))
	require.True(t, locked(t, c, 10))
	require.NoError(t, a.Unlock(10))
	require.True(t, locked(t, c, 10))
	require.NoError(t, b.Close())
	require.False(t, locked(t, c, 10), "the last reference is gone")
}

// Closing another descriptor of the file would drop a classic lock.
func TestLockOutlivesOtherDescriptors(t *testing.T) {
	t.Parallel()
	a, path := newFile(t)
	require.True(t, tryLock(t, a, 10, true))
	other, err := sys.Open(path, true, false)
	require.NoError(t, err)
	require.True(t, locked(t, other, 10))
	require.NoError(t, other.Close())
	require.True(t, locked(t, reopen(t, a), 10))
}

// A zombie holds nothing: its parent may never ask after it.
func TestLockEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	a, path := newFile(t)
	c := testproc.Start(t, "hold-lock", path)
	c.Expect("locked")
	require.True(t, locked(t, a, 10))
	c.Stop()
	require.True(t, locked(t, a, 10), "a stopped process keeps it")
	c.Terminate()
	// Its main thread is a zombie a little before the others are gone.
	testproc.Until(t, func() bool { return !locked(t, a, 10) })
	testproc.Until(t, func() bool { return c.State() == "Z" })
}

func holdLock(c *testproc.Child) {
	f, err := sys.Open(c.Args[0], true, false)
	c.Check(err)
	ok, err := f.TryLock(10, true)
	c.Check(err)
	c.Say("locked %v", ok)
	<-c.Lines
}
