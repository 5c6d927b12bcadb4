//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
)

// eachSignal runs a test for the signals that end a command.
func eachSignal(t *testing.T, f func(t *testing.T, sig syscall.Signal)) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			t.Parallel()
			f(t, sig)
		})
	}
}

// pipe returns a pipe whose ends are closed with the test.
func pipe(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// left checks that no participant is in the queue's seats, alive or dead.
func left(t *testing.T, q string) {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Empty(t, info.Participants)
}

// drained checks that no record and no participant is left.
func drained(t *testing.T, q string) {
	t.Helper()
	require.Empty(t, rest(t, q))
	left(t, q)
}

func TestSignalEndsSenderThatReads(t *testing.T) {
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		q := queuePath(t)
		r, w := pipe(t)
		sender := start(t, r, nil, "shmq-send", q, "--close")
		_, err := io.WriteString(w, "one\ntwo\nthr")
		require.NoError(t, err)
		// Whole lines go out though the input is open.
		until(t, "two records", func() bool {
			info, err := shmq.Stat(q)
			return err == nil && info.Records == 2
		})
		require.NoError(t, sender.Process.Signal(sig))
		require.Contains(t, sender.ends(128+int(sig)), "records sent: 2")
		left(t, q)
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.False(t, info.Finished)
		require.Equal(t, "one\ntwo\n", string(rest(t, q)))
	})
}

func TestSignalEndsSenderThatWaitsForRoom(t *testing.T) {
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		q := queuePath(t)
		sender := start(t, bytes.NewReader(numbers(1, 100)), nil, "shmq-send", q, "--slots", "8")
		until(t, "full queue", waiting(q, shmq.Producer))
		require.NoError(t, sender.Process.Signal(sig))
		require.Contains(t, sender.ends(128+int(sig)), "records sent: 8")
		left(t, q)
		requireSame(t, numbers(1, 8), rest(t, q))
	})
}

func TestSignalEndsSenderThatKeepsPace(t *testing.T) {
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		q := queuePath(t)
		sender := start(t, bytes.NewReader(numbers(1, 100)), nil, "shmq-send", q, "--rate", "0.001")
		until(t, "a record", func() bool {
			info, err := shmq.Stat(q)
			return err == nil && info.Records == 1
		})
		require.NoError(t, sender.Process.Signal(sig))
		require.Contains(t, sender.ends(128+int(sig)), "records sent: 1")
		left(t, q)
	})
}

func TestSignalEndsReceiverThatWaits(t *testing.T) {
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		q := queuePath(t)
		receiver := start(t, nil, nil, "shmq-recv", q)
		until(t, "idle receiver", waiting(q, shmq.Consumer))
		require.NoError(t, receiver.Process.Signal(sig))
		require.Empty(t, receiver.ends(128+int(sig)))
		left(t, q)
	})
}

// A pipe that no process reads blocks the receiver. A record that got into the pipe is out of the
// queue, the rest is in it, and no record is in both or in neither.
func TestSignalEndsReceiverThatWrites(t *testing.T) {
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		for _, side := range []string{"one", "many"} {
			q := queuePath(t)
			var in []byte
			for i := range 400 {
				in = fmt.Appendf(in, "%0*d\n", 100+i*3, i)
			}
			start(t, bytes.NewReader(in), nil, "shmq-send", q, "--consumers", side).ends(0)
			r, w := pipe(t)
			receiver := start(t, nil, w, "shmq-recv", q)
			w.Close()
			until(t, "full pipe", func() bool {
				n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
				return err == nil && n > 56<<10
			})
			require.NoError(t, receiver.Process.Signal(sig))
			require.Empty(t, receiver.ends(128+int(sig)))
			left(t, q)
			out, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Less(t, len(out), len(in))
			requireSame(t, in, append(out, rest(t, q)...))
		}
	})
}

func TestSecondSignalKills(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 50_000)), nil, "shmq-send", q, "--slots", "65536").ends(0)
	r, w := pipe(t)
	receiver := start(t, nil, w, "shmq-recv", q)
	until(t, "output", func() bool {
		n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		return err == nil && n > 0
	})
	for range 2 { // one of them may meet it after its end
		_ = receiver.Process.Signal(syscall.SIGTERM)
	}
	select {
	case err := <-receiver.done:
		receiver.done <- err
		require.Error(t, err)
	case <-time.After(patience):
		t.Fatal("it lives on")
	}
}

// The reader of a pipe is gone before there is a record: the receiver notices while it waits.
func TestReceiverEndsWhenItsReaderIsGone(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	r, w := pipe(t)
	receiver := start(t, nil, w, "shmq-recv", q)
	w.Close()
	until(t, "idle receiver", waiting(q, shmq.Consumer))
	r.Close()
	require.Empty(t, receiver.ends(141))
	left(t, q)
}

func TestClosedPipeLosesNoRecord(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"one", "many"} {
		q := queuePath(t)
		in := numbers(1, 3000)
		start(t, bytes.NewReader(in), nil, "shmq-send", q, "--consumers", side).ends(0)
		r, w := pipe(t)
		r.Close()
		receiver := start(t, nil, w, "shmq-recv", q)
		require.Empty(t, receiver.ends(141))
		left(t, q)
		requireSame(t, in, rest(t, q))
	}
}

func TestFullDiskLosesNoRecord(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, side := range []string{"one", "many"} {
		q := queuePath(t)
		in := numbers(1, 3000)
		start(t, bytes.NewReader(in), nil, "shmq-send", q, "--consumers", side).ends(0)
		line := start(t, nil, full, "shmq-recv", q).ends(1)
		require.Contains(t, line, "no space left on device")
		require.Contains(t, line, "still in the queue")
		left(t, q)
		requireSame(t, in, rest(t, q))
	}
	for _, verb := range []string{"ls", "version"} {
		require.Contains(t, start(t, nil, full, "shmq", verb).ends(1), "no space left on device")
	}
}

// A file that can't grow takes the first part of the output: the records in it are
// out of the queue, the one that was cut and those after it are not.
func TestPartOfAWriteCounts(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	in := numbers(1, 3000)
	out := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(out)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, shmq.Create(q, nil)) // its file is larger
	receiver := startLimited(t, f, 1000, "shmq-recv", q)
	start(t, bytes.NewReader(in), nil, "shmq-send", q).ends(0)
	require.Contains(t, receiver.ends(1), "file too large")
	got, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Len(t, got, 1000)
	whole := got[:bytes.LastIndexByte(got, '\n')+1]
	requireSame(t, in, append(whole, rest(t, q)...))
}

// A record that is not msgpack stays where it is, and raw takes it.
func TestRecordThatIsNotMsgpack(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"lines", "null", "json", "msgpack"} {
		q := queuePath(t)
		sendBytes(t, q, "\xa5first", "\xc1 no msgpack", "\xa4last")
		receiver := start(t, nil, nil, "shmq-recv", q, "--format", format)
		require.Contains(t, receiver.ends(65), "--format raw")
		require.Contains(t, receiver.out.String(), "first")
		require.NotContains(t, receiver.out.String(), "no msgpack")
		receiver = start(t, nil, nil, "shmq-recv", q, "--format", format)
		require.Contains(t, receiver.ends(65), "--format raw")
		require.Empty(t, receiver.out.String())
		receiver = start(t, nil, nil, "shmq-recv", q, "--format", "raw", "--count", "1")
		receiver.ends(0)
		require.Equal(t, "\xc1 no msgpack", receiver.out.String())
		require.Equal(t, "last\n", string(rest(t, q)))
	}
}

func TestRoleAndSeatsAreTaken(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	holder := start(t, nil, nil, "shmq-recv", q, "--consumers", "one", "--seats", "2")
	until(t, "holder", func() bool { return len(attached(q, shmq.Consumer)) == 1 })
	line := start(t, nil, nil, "shmq-recv", q).ends(69)
	require.Contains(t, line, fmt.Sprintf("pid %d", holder.Process.Pid))
	require.Contains(t, start(t, nil, nil, "shmq", "rm", q).ends(69), "in use")

	r, _ := pipe(t)
	sender := start(t, r, nil, "shmq-send", q)
	until(t, "sender", func() bool { return len(attached(q, shmq.Producer)) == 1 })
	require.Contains(t, start(t, strings.NewReader(""), nil, "shmq-send", q).ends(69), "seat")

	start(t, nil, nil, "shmq", "rm", "--force", q).ends(0)
	for _, p := range []*process{holder, sender} {
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
		p.ends(143)
	}
}

func TestIdleReceiverUsesNoCPU(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	receiver := start(t, nil, nil, "shmq-recv", q)
	until(t, "idle receiver", waiting(q, shmq.Consumer))
	before := cpuTime(t, receiver.Process.Pid)
	time.Sleep(2 * time.Second) // the time is what is measured, not hoped for
	used := cpuTime(t, receiver.Process.Pid) - before
	require.Less(t, used, 60*time.Millisecond, "3%, in case that the machine is busy")
	t.Logf("%v in 2 s", used)
}
