package sys_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/sys"
)

func TestReopenFindsTheFileWhateverItsName(t *testing.T) {
	t.Parallel()
	a, path := newFile(t)
	mine, err := a.ID()
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte("another"), 0o600))
	b := reopen(t, a)
	id, err := b.ID()
	require.NoError(t, err)
	require.Equal(t, mine, id)
	other, err := sys.PathID(path)
	require.NoError(t, err)
	require.NotEqual(t, mine, other)
}

func TestTempFileHasNoNameUntilLinked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := sys.CreateTemp(dir+"/q", 0o604)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.WriteAt([]byte("whole"), 0))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
	require.NoError(t, f.Link())
	info, err := os.Stat(dir + "/q")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o604), info.Mode())
	require.EqualValues(t, 5, info.Size())
	g, err := sys.CreateTemp(dir+"/q", 0o600)
	require.NoError(t, err)
	defer g.Close()
	require.ErrorIs(t, g.Link(), fs.ErrExist)
}

func TestAllocateMoreThanThereIs(t *testing.T) {
	t.Parallel()
	f, _ := newFile(t)
	err := f.Allocate(1 << 54)
	require.Error(t, err)
	require.True(t, sys.IsNoSpace(err), "%v", err)
}

func TestReadStopsAtTheEnd(t *testing.T) {
	t.Parallel()
	f, _ := newFile(t)
	require.NoError(t, f.WriteAt([]byte("abc"), 4093))
	b := make([]byte, 10)
	n, err := f.ReadAt(b, 4093)
	require.NoError(t, err)
	require.Equal(t, "abc", string(b[:n]))
}

func TestForkedChildHasNoMapping(t *testing.T) {
	t.Parallel()
	f, path := newFile(t)
	mem, err := f.Map(4096, true)
	require.NoError(t, err)
	defer func() { require.NoError(t, sys.Unmap(mem)) }()
	b, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	id, err := f.ID()
	require.NoError(t, err)
	_, mine, ok := strings.Cut(string(b), fmt.Sprintf(" %d ", id.Ino))
	require.True(t, ok)
	_, flags, _ := strings.Cut(mine, "VmFlags:")
	flags, _, _ = strings.Cut(flags, "\n")
	require.Contains(t, strings.Fields(flags), "dc", "not copied by fork")
	fd, err := unix.FcntlInt(openFD(t, path), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.NotZero(t, fd&unix.FD_CLOEXEC)
}

// openFD finds a descriptor of this process that is open on path.
func openFD(t *testing.T, path string) uintptr {
	t.Helper()
	for fd := range uintptr(1024) {
		var st, want unix.Stat_t
		require.NoError(t, unix.Stat(path, &want))
		if unix.Fstat(int(fd), &st) == nil && st.Ino == want.Ino && st.Dev == want.Dev {
			return fd
		}
	}
	t.Fatal("not open")
	return 0
}
