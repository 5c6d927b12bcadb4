package sys

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestOnlyASealKeepsAFileFromShrinking(t *testing.T) {
	t.Parallel()
	fd, err := unix.MemfdCreate("shmq-test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	require.NoError(t, err)
	f := &File{fd: fd, path: "memfd"}
	defer f.Close()
	require.True(t, f.Shrinkable())
	_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW)
	require.NoError(t, err)
	require.True(t, f.Shrinkable())
	_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK)
	require.NoError(t, err)
	require.False(t, f.Shrinkable())

	dir := t.TempDir()
	g, err := CreateTemp(dir+"/f", 0o600)
	require.NoError(t, err)
	require.True(t, g.Shrinkable())
	require.NoError(t, g.Close())
}
