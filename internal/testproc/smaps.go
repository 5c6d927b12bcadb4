//go:build linux

package testproc

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Smaps is a field of what the kernel says of this process's mapping of a file, in KiB. The
// file is told by its path, or by its inode's number between blanks.
func Smaps(t testing.TB, file, field string) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	_, of, ok := strings.Cut(string(b), file)
	require.True(t, ok, "mapped")
	_, of, _ = strings.Cut(of, "\n"+field+":")
	_, err = fmt.Sscanf(of, "%d", &n)
	require.NoError(t, err)
	return n
}

// Says reports whether an error's text has a part.
func Says(err error, part string) bool { return err != nil && strings.Contains(err.Error(), part) }
