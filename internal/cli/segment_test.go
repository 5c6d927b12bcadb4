//go:build linux

package cli_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
)

// Every verb works on a queue in a System V segment, by any of its names.
func TestVerbsOnASegment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	key := 1 + rand.Uint32N(1<<31)
	q, decimal := fmt.Sprintf("sysv:%#x", key), fmt.Sprintf("sysv:%d", key)
	t.Cleanup(func() {
		_ = shmq.ForceRemove(q)
		if id, err := sys.FindSegment(key); err == nil {
			_ = sys.RemoveSegment(id)
			t.Errorf("segment %d was left behind", id)
		}
		files, err := filepath.Glob(dir + "/shmq.*")
		require.NoError(t, err)
		require.Empty(t, files)
	})

	ran(t, 0, "shmq", "create", decimal, "--slots", "64", "--mode", "0640")
	ran(t, 0, "shmq", "create", q, "--if-absent", "--slots", "64", "--mode", "0640")
	ran(t, 64, "shmq", "create", q, "--if-absent", "--slots", "128")
	ran(t, 1, "shmq", "create", q)
	sendBytes(t, q, "\xa3one", "\xa3two")
	require.Regexp(t, `(?m)^`+q+` +2 +0 of many +0 of many +0 +64 `, ran(t, 0, "shmq", "ls"))
	require.Contains(t, ran(t, 0, "shmq", "ls", "--json"), `"name": "`+q+`"`)
	require.Regexp(t, `mode 0640`, ran(t, 0, "shmq", "stat", decimal))
	require.Contains(t, ran(t, 0, "shmq", "stat", "--prometheus", q), `queue="`+q+`"`)
	require.Contains(t, ran(t, 0, "shmq", "peek", q), `"two"`)
	require.Contains(t, ran(t, 0, "shmq", "top", "--once"), q)
	require.Contains(t, ran(t, 0, "shmq", "top", "--once", q), "64 slots")
	ran(t, 0, "shmq", "recover", q)
	file := filepath.Join(dir, "records")
	ran(t, 0, "shmq", "dump", q, file)
	require.Equal(t, "one\ntwo\n", ran(t, 0, "shmq", "recv", decimal, "--count", "2"))
	ran(t, 0, "shmq", "load", q, file)
	require.Regexp(t, q+` .* kept +2 records in it`, ran(t, 0, "shmq", "gc", "--older-than", "0"))
	require.Regexp(t, "2 records dropped", ran(t, 0, "shmq", "drain", q))
	require.Regexp(t, q+` .* removed `, ran(t, 0, "shmq", "gc", "--older-than", "0"))
	ran(t, 66, "shmq", "stat", q)

	ran(t, 0, "shmq", "load", q, file)
	id, err := sys.FindSegment(key)
	require.NoError(t, err)
	require.NoError(t, sys.RemoveSegment(id))
	require.Regexp(t, q+` +queue was removed: segment \d+, .*shmq rm `+q, ran(t, 0, "shmq", "ls"))
	ran(t, 66, "shmq", "send", q)
	ran(t, 0, "shmq", "rm", decimal)
	ran(t, 64, "shmq", "stat", "sysv:0")
	ran(t, 66, "shmq", "rm", "sysv:id:2147483647")
}
