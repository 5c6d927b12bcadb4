//go:build linux

package cli_test

import (
	"bytes"
	"log"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

// diskless COMMAND ARGS... runs a command that no disk takes anything from: its kernel answers
// msync with EIO.
func diskless() {
	(&testproc.Child{}).Refuse(unix.SYS_MSYNC, syscall.EIO, 0, 0)
	log.Fatal(syscall.Exec("/proc/self/exe", os.Args[1:], os.Environ()))
}

// The disk refuses in the middle of the input. Exit code 74 says that all of it is in the
// queue, so it has to be: a script that is told 74 sends nothing again.
func TestUnsyncedSenderSendsAll(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{{"--sync", "each"}, {"--sync", "100", "--close"}, {"--sync", "1ms", "--rate", "5000"}, {"--sync", "each", "--timeout", "1m"}} {
		q := queuePath(t)
		ran(t, 0, "shmq", "create", q, "--checksum", "--slots", "1024", "--slot-size", "64")
		in := openConsumer(t, q, nil) // the last one to leave would sync anyway
		p := start(t, bytes.NewReader(numbers(1, 1000)), nil, "diskless", append([]string{"shmq-send", q, "--batch", "8"}, flags...)...)
		told := p.wait(74)
		require.Equal(t, 2, strings.Count(told, "\n"), "once at the first failure, and at the end: %s", told)
		require.Contains(t, told, "input/output error; its records are in the queue")
		require.Contains(t, told, "sending goes on\n")
		require.NoError(t, in.Close())
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.Equal(t, 1000, info.Records)
		require.Equal(t, flags[len(flags)-1] == "--close", info.Finished)
	}
}

// What ends the sender counts, not what the disk said before or says when it leaves.
func TestUnsyncedSenderThatIsEndedDoesNotSayThatAllWasSent(t *testing.T) {
	t.Parallel()
	for code, flag := range map[int][]string{75: {"--nonblock"}, 124: {"--timeout", "20ms"}} {
		q := queuePath(t)
		ran(t, 0, "shmq", "create", q, "--checksum", "--slots", "8", "--slot-size", "64")
		openConsumer(t, q, nil)
		p := start(t, bytes.NewReader(numbers(1, 20)), nil, "diskless", append([]string{"shmq-send", q, "--sync", "each"}, flag...)...)
		require.Contains(t, p.wait(code), "line 9 of the input and what follows")
	}
	// The first one to attach has to sync before it may send.
	q := queuePath(t)
	ran(t, 0, "shmq", "create", q, "--checksum", "--slots", "8", "--slot-size", "64")
	for _, args := range [][]string{{"shmq-send", q, "a word"}, {"shmq-send", q + "2", "--sync", "each", "a word"}} {
		require.Contains(t, start(t, nil, nil, "diskless", args...).ends(1), "; nothing was sent")
	}
}

// An error in the middle of the input says how much of it was sent.
func TestSenderThatFailsTellsHowFarItGot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code  int
		spoil func(q string) error
		want  string
	}{
		{66, func(q string) error { return shmq.ForceRemove(q) }, "records sent: 8; what follows them in the input was not"},
		{65, func(q string) error { return os.Truncate(q, 4096) }, "records sent: 8 or more; what follows them in the input was not"},
	} {
		q := queuePath(t)
		p := start(t, bytes.NewReader(numbers(1, 20)), nil, "shmq-send", q, "--slots", "8")
		until(t, "a full queue", waiting(q, shmq.Producer))
		require.NoError(t, c.spoil(q))
		require.Contains(t, p.ends(c.code), c.want)
	}
}

func TestLoadThatFailsTellsHowFarItGot(t *testing.T) {
	t.Parallel()
	q, other := queuePath(t), queuePath(t)
	start(t, bytes.NewReader(numbers(1, 20)), nil, "shmq-send", q, "--slots", "64").ends(0)
	file := q + ".dump"
	start(t, nil, nil, "shmq", "dump", q, file).wait(0)
	ran(t, 0, "shmq", "create", other, "--slots", "8")
	p := start(t, nil, nil, "shmq", "load", other, file)
	until(t, "a full queue", waiting(other, shmq.Producer))
	ran(t, 0, "shmq", "rm", "--force", other)
	require.Contains(t, p.ends(66), "records loaded: 8; what follows them in the input was not")
}
