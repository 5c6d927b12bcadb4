//go:build linux

package cli_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
)

// A signal ends a caller whose answer nobody reads.
func TestSignalEndsCallThatWrites(t *testing.T) {
	t.Parallel()
	eachSignal(t, func(t *testing.T, sig syscall.Signal) {
		q := queuePath(t)
		server, _ := serve(t, q, `head -c 200000 /dev/zero`)
		r, w := pipe(t)
		call := start(t, nil, w, "shmq", "call", q, "x")
		until(t, "a full pipe", func() bool {
			n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
			return err == nil && n >= 64<<10
		})
		require.NoError(t, call.Process.Signal(sig))
		require.Empty(t, call.ends(128+int(sig)))
		require.Empty(t, answers(t, q))
		require.NoError(t, server.Process.Signal(syscall.SIGTERM))
		server.wait(143)
	})
}

// A call that fails, or is not answered in time, is told by its number. The others are answered.
func TestFailedCallsHaveNumbers(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	server, dir := serve(t, q, `read x; case $x in slow) `+hold+`;; bad) echo why >&2; exit 3;; esac; echo $x`, "--jobs", "2")
	input := strings.NewReader("one\nslow\nbad\ntwo\n")
	call := start(t, input, nil, "shmq", "call", q, "--each", "--jobs", "2", "--timeout", "3s")
	told := call.wait(124)
	require.Equal(t, "one\ntwo\n", call.out.String())
	require.Contains(t, told, ": request 2: there was no answer for 3s")
	require.Contains(t, told, ": request 3: exit-3: why\n")
	require.Contains(t, told, ": 2 of 4 calls failed\n")
	require.Equal(t, 3, strings.Count(told, "\n"), told)
	release(t, dir)

	require.Contains(t, start(t, nil, nil, "shmq", "call", q, "bad").ends(123), ": exit-3: why\n")
	call = start(t, nil, nil, "shmq", "call", q, "bad", "two")
	require.Contains(t, call.wait(123), "1 of 2 calls failed")
	require.NoError(t, server.Process.Signal(syscall.SIGTERM))
	server.wait(143)
}

// Where calls can't go on, the answers that are there are written, and it is told how far they got.
func TestStoppedCallsWriteWhatIsThere(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]struct {
		do   func(call *process, q string) error
		code int
	}{
		"removed":   {func(_ *process, q string) error { return os.Remove(q) }, 66},
		"signalled": {func(call *process, _ string) error { return call.Process.Signal(os.Interrupt) }, 130},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := queuePath(t)
			_, _ = serve(t, q, `read x; case $x in slow) `+hold+`;; esac; echo $x`, "--jobs", "3")
			r, w := pipe(t)
			call := start(t, r, nil, "shmq", "call", q, "--each", "--jobs", "8")
			_, err := w.WriteString("one\nslow\ntwo\nthree\n")
			require.NoError(t, err)
			until(t, "three answers", func() bool {
				info, err := shmq.Stat(q)
				if err != nil || info.Sent != 4 || info.Records+info.Orphans+info.Leased != 1 || len(answers(t, q)) != 1 {
					return false
				}
				info, err = shmq.Stat(answers(t, q)[0])
				return err == nil && info.Sent == 3 && info.Records+info.Orphans+info.Leased == 0
			})
			require.NoError(t, stop.do(call, q))
			require.Contains(t, call.ends(stop.code), "calls begun: 4, answered: 3, failed: 0\n")
			require.Equal(t, "one\ntwo\nthree\n", call.out.String())
		})
	}
}
