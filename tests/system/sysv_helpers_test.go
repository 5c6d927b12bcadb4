//go:build linux

package system_test

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
	"github.com/shmq/shmq/internal/testagent"
)

// freeKey returns a key that no segment has. At the end of the test none may have it
// again, and no side file may be there.
func freeKey(t *testing.T) uint32 {
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
			_ = shmq.ForceRemove(keyName(key))
			if id, err := sys.FindSegment(key); err == nil {
				_ = sys.RemoveSegment(id)
				t.Errorf("segment %d was left behind", id)
			}
			_, err := os.Stat(testagent.Path(t, keyName(key)))
			require.ErrorIs(t, err, fs.ErrNotExist)
		})
		return key
	}
}

func keyName(key uint32) string { return fmt.Sprintf("sysv:%#x", key) }

// segmentName returns the name of a queue that may be made.
func segmentName(t *testing.T) string { return keyName(freeKey(t)) }

// segmentQueue makes a queue in a segment of its own.
func segmentQueue(t *testing.T, o *shmq.Options) (name string, key uint32) {
	t.Helper()
	key = freeKey(t)
	require.NoError(t, shmq.Create(keyName(key), o))
	return keyName(key), key
}

// foreign makes a segment as another program would. It is removed at the end.
func foreign(t *testing.T, key uint32, size int64, mode fs.FileMode) int {
	t.Helper()
	id, err := sys.MakeSegment(key, size, mode, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sys.RemoveSegment(id) })
	return id
}

// inSegment lets f work on the bytes of a segment.
func inSegment(t *testing.T, id int, f func(b []byte)) {
	t.Helper()
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	b, err := s.Map(int(s.Size), true)
	require.NoError(t, err)
	f(b)
	require.NoError(t, sys.Unmap(b))
}

func requireZero(t *testing.T, id int) {
	t.Helper()
	inSegment(t, id, func(b []byte) {
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("byte %d is %#x", i, b[i])
			}
		}
	})
}

func attachments(t *testing.T, id int) int {
	t.Helper()
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	return s.Attached
}

func segmentOf(t *testing.T, key uint32) sys.Segment {
	t.Helper()
	id, err := sys.FindSegment(key)
	require.NoError(t, err)
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	return s
}
