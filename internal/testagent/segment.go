//go:build linux

package testagent

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
)

// FreeKey returns a key that no segment has. At the end of the test none may have it
// again, and no side file may be there.
func FreeKey(t testing.TB) uint32 {
	t.Helper()
	for {
		key := 1 + rand.Uint32N(1<<31)
		if _, err := sys.FindSegment(key); !errors.Is(err, fs.ErrNotExist) {
			if errors.Is(err, unix.ENOSYS) || errors.Is(err, fs.ErrPermission) {
				t.Skip("no System V segments here: ", err)
			}
			continue
		}
		t.Cleanup(func() {
			_ = shmq.ForceRemove(KeyName(key))
			if id, err := sys.FindSegment(key); err == nil {
				_ = sys.RemoveSegment(id)
				t.Errorf("segment %d was left behind", id)
			}
			_, err := os.Stat(Path(t, KeyName(key)))
			require.ErrorIs(t, err, fs.ErrNotExist)
		})
		return key
	}
}

// KeyName is the name of a queue in the segment of that key.
func KeyName(key uint32) string { return fmt.Sprintf("sysv:%#x", key) }

// ForeignSegment makes a segment as another program would. It is removed at the end.
func ForeignSegment(t testing.TB, key uint32, size int64, mode fs.FileMode) int {
	t.Helper()
	id, err := sys.MakeSegment(key, size, mode, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sys.RemoveSegment(id) })
	return id
}
