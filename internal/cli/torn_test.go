//go:build linux

package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testdisk"
)

// A full disk tears a record in the middle of a file. The next receiver appends to it.
func TestFullDiskLeavesWholeRecordsInAFile(t *testing.T) {
	dir := testdisk.MountHere(t, "tmpfs", "size=64k")
	log, filler := filepath.Join(dir, "log"), filepath.Join(dir, "filler")
	require.NoError(t, os.WriteFile(filler, make([]byte, 32<<10), 0o600))
	q := queuePath(t)
	const all = 10_000 // 48,894 bytes of lines, of which 32 KiB have room at first
	start(t, bytes.NewReader(numbers(1, all)), nil, "shmq-send", q, "--slots", "16384", "--slot-size", "64").ends(0)
	require.NoError(t, os.WriteFile(log, []byte("before\n"), 0o600))
	for _, code := range []int{1, 0} {
		f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		p := start(t, nil, f, "shmq-recv", q, "--until-empty")
		if told := p.ends(code); code == 1 {
			require.Regexp(t, "no space left on device; what was not written is still in the queue\n$", told)
		}
		require.NoError(t, f.Close())
		b, err := os.ReadFile(log)
		require.NoError(t, err)
		require.Equal(t, byte('\n'), b[len(b)-1], "the end of the file: %q", b[len(b)-10:])
		require.NoError(t, os.Truncate(filler, 0))
	}
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	requireSame(t, append([]byte("before\n"), numbers(1, all)...), b)
}

// Bytes that were in the file before are no business of the receiver: it tells.
func TestTornRecordThatCantBeTakenBackIsTold(t *testing.T) {
	dir := testdisk.MountHere(t, "tmpfs", "size=16k")
	log := filepath.Join(dir, "log")
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	require.NoError(t, os.Truncate(log, 1<<20)) // a hole, which takes no room
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 10_000)), nil, "shmq-send", q, "--slots", "16384", "--slot-size", "64").ends(0)
	f, err := os.OpenFile(log, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	told := start(t, nil, f, "shmq-recv", q, "--until-empty").ends(1)
	m := regexp.MustCompile(`still in the queue; of the first record of that the output ends with (\d) bytes?\n$`).FindStringSubmatch(told)
	require.NotNil(t, m, told)
	info, err := os.Stat(log)
	require.NoError(t, err)
	require.Equal(t, int64(1<<20), info.Size())
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	written := bytes.TrimRight(b, "\x00")
	require.Equal(t, strconv.Itoa(len(written)-1-bytes.LastIndexByte(written, '\n')), m[1])
}
