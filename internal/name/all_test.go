package name_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/name"
)

func TestFilesOfADirectory(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"shmq.b", "shmq.a", "shmq.fd:3", "shmq.sysv:0x5", "shmq.sysv:5", "shmq.sysv:x", "shmq.new\nline", "shmq.\xff", "shmq.", "other", `shmq."q`} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), nil, 0o600))
	}
	files, err := name.In(dir)
	require.NoError(t, err)
	var want []name.File
	for _, queue := range []string{`"q`, "a", "b", "fd:3", "sysv:0x5", "sysv:5"} {
		want = append(want, name.File{Name: queue, Path: filepath.Join(dir, "shmq."+queue), Segment: queue == "sysv:0x5"})
	}
	require.Equal(t, want, files)

	t.Setenv("SHMQ_DIR", dir)
	names, err := name.All()
	require.NoError(t, err)
	require.Equal(t, []string{`"q`, "a", "b", filepath.Join(dir, "shmq.fd:3"), "sysv:0x5", "sysv:5"}, names)

	_, err = name.In(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A path to a side file means the segment, as its name in that directory does; but only if
// it has the one name that a side file bears.
func TestPathOfASideFileMeansItsSegment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at, err := name.Find(filepath.Join(dir, "shmq.sysv:0x5"))
	require.NoError(t, err)
	require.Equal(t, "*sysv.Place", kind(at))
	require.Equal(t, filepath.Join(dir, "shmq.sysv:0x5"), at.Shown())
	for _, file := range []string{"shmq.sysv:5", "shmq.sysv:0X5", "shmq.sysv:", "sysv:0x5", "shmq.q"} {
		at, err := name.Find(filepath.Join(dir, file))
		require.NoError(t, err, file)
		require.Equal(t, "*file.Place", kind(at), file)
	}
}

func kind(v any) string { return fmt.Sprintf("%T", v) }
