//go:build linux

package cli_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Not parallel, for the directory.
func TestSignalEndsBench(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir := t.TempDir()
		t.Setenv("SHMQ_DIR", dir)
		b := start(t, nil, nil, "shmq", "bench", "throughput/many-many", "--time", "60s")
		until(t, "a directory of its own", func() bool { return len(entries(t, dir)) > 0 })
		require.NoError(t, b.Process.Signal(sig))
		b.ends(128 + int(sig))
		require.Empty(t, entries(t, dir))
	}
}

func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	es, err := os.ReadDir(dir)
	require.NoError(t, err)
	return es
}
