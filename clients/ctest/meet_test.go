package ctest_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/layout"
)

func eachSeesTheOther(t *testing.T, client program) {
	queue := create(t, shmq.Many, shmq.Many)
	c := client(t, "recv", queue, "1")
	require.NoError(t, c.Start())
	untilAsleep(t, queue, 1)
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	p := info.Participants[0]
	require.Equal(t, shmq.Consumer, p.Role)
	require.True(t, p.Alive)
	require.Equal(t, c.Process.Pid, p.PID)
	require.Equal(t, os.Getuid(), p.UID)
	require.Equal(t, "shmq_client", p.Command)
	require.WithinDuration(t, time.Now(), p.Attached, time.Minute)
	require.ErrorIs(t, shmq.Remove(queue), shmq.ErrInUse)

	s := openProducer(t, queue)
	out, err := client(t, "stat", queue).Output()
	require.NoError(t, err)
	require.Contains(t, string(out), fmt.Sprintf("seat 0 consumer alive pid %d shmq_client\n", p.PID))
	require.Contains(t, string(out), fmt.Sprintf("seat 1 producer alive pid %d ", os.Getpid()))
	require.Contains(t, string(out), fmt.Sprintf("slots %d\n", slots))
	require.NoError(t, s.Close())

	require.NoError(t, c.Process.Signal(syscall.SIGTERM)) // and it leaves in order
	require.NoError(t, c.Wait())
	info, err = shmq.Stat(queue)
	require.NoError(t, err)
	require.Empty(t, info.Participants)
}

func refusals(t *testing.T, client program) {
	refuses := func(queue, why string) {
		t.Helper()
		_, err := client(t, "recv", queue, "1").Output()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 1, exit.ExitCode())
		require.Contains(t, string(exit.Stderr), why)
	}
	queue := create(t, shmq.One, shmq.One)
	refuses(queue+".not", "No such file")
	c := openConsumer(t, queue)
	refuses(queue, "role is taken")
	require.NoError(t, c.Close())
	whole, err := os.ReadFile(queue)
	require.NoError(t, err)
	for _, f := range []struct {
		at  int
		why string
	}{{0, "not a shmq queue"}, {8, "version"}, {32, "checksum"}} {
		bad := slices.Clone(whole)
		bad[f.at] ^= 2
		require.NoError(t, os.WriteFile(queue, bad, 0o600))
		refuses(queue, f.why)
	}
	require.NoError(t, os.WriteFile(queue, whole[:len(whole)-1], 0o600))
	refuses(queue, "it was cut")
	whole[16] |= 1 << 7 // a feature of a later release
	binary.LittleEndian.PutUint32(whole[layout.OffHeaderCRC:], crc32.Checksum(whole[:layout.OffHeaderCRC], castagnoli))
	require.NoError(t, os.WriteFile(queue, whole, 0o600))
	refuses(queue, "uses features 0x80")
}
