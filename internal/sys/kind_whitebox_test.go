//go:build linux

package sys

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A forked child has its parent's memory, and the time that stands there is the parent's.
func TestStartTimeIsThatOfThisProcess(t *testing.T) {
	mine := StartTime()
	require.NotZero(t, mine)
	require.Equal(t, started{os.Getpid(), mine}, *startTime.Load(), "asked for once")
	startTime.Store(&started{os.Getpid() + 1, mine + 1})
	require.Equal(t, mine, StartTime())
	require.Equal(t, started{os.Getpid(), mine}, *startTime.Load())
}

// A description that is opened anew is asked for its id: the name is no proof.
func TestReopenByANameThatMeansAnotherFile(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(path, []byte("first"), 0o600))
	f, err := Open(path, true, false)
	require.NoError(t, err)
	defer f.Close()
	for _, change := range []func() error{
		func() error { return nil },
		func() error { return os.WriteFile(path+"2", []byte("other"), 0o600) },
		func() error { return os.Rename(path+"2", path) },
		func() error { return errors.Join(os.Remove(path), os.Symlink("/dev/null", path)) },
		func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		func() error { return os.Remove(path) },
	} {
		require.NoError(t, change())
		g, err := f.Reopen()
		require.NoError(t, err)
		b := make([]byte, 9)
		n, err := g.ReadAt(b, 0)
		require.NoError(t, err)
		require.Equal(t, "first", string(b[:n]))
		require.NoError(t, g.Close())
	}
}

// What the last description of a file said of its changes is what TouchedBefore says, until
// it is described again.
func TestTouchedBefore(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/dev/shm", "shmq-touched-")
	if err != nil {
		t.Skip("no /dev/shm")
	}
	defer os.RemoveAll(dir)
	path := dir + "/file"
	require.NoError(t, os.WriteFile(path, []byte("first"), 0o600))
	f, err := Open(path, true, false)
	require.NoError(t, err)
	defer f.Close()
	first, ok, err := f.TouchedBefore()
	require.NoError(t, err)
	require.True(t, ok)
	for now := first; now == first; { // the kernel's clock for it ticks
		require.NoError(t, os.Chmod(path, 0o600))
		g, err := Open(path, true, false)
		require.NoError(t, err)
		now, _, err = g.Touched()
		require.NoError(t, err)
		require.NoError(t, g.Close())
	}
	before, _, err := f.TouchedBefore()
	require.NoError(t, err)
	require.Equal(t, first, before)
	now, _, err := f.Touched()
	require.NoError(t, err)
	require.NotEqual(t, first, now)
	before, _, err = f.TouchedBefore()
	require.NoError(t, err)
	require.Equal(t, now, before)
}
