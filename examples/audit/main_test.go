package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) { testproc.MainProgram(m, main) }

func start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	p := testproc.Program(t, args...)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

func written(t *testing.T, file string) int {
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return bytes.Count(b, []byte("\n"))
}

// The audit is killed again and again, and is gone for a while each time. Its file has every payment
// once, in order, and another reader has held it up as little as it did that one.
func TestTheAuditComesBack(t *testing.T) {
	testproc.OwnDir(t)
	file := filepath.Join(t.TempDir(), "audit.log")
	const payments, kills = 8000, 15
	full := 0
	audit := start(t, "keep", file)
	var seen bytes.Buffer
	other := testproc.Program(t, "show")
	other.Stdout = &seen
	require.NoError(t, other.Start())
	t.Cleanup(func() { _ = other.Process.Kill() })
	testproc.UntilAttached(t, queue, 2)
	payer := start(t, "pay", fmt.Sprint(payments))
	for n := range kills {
		testproc.Until(t, func() bool { return written(t, file) >= (n+1)*payments/kills/2 })
		require.NoError(t, audit.Process.Kill())
		require.Error(t, audit.Wait())
		testproc.Until(t, func() bool { // what it has not seen stays, until payments wait for it
			info, err := shmq.Stat(queue)
			require.NoError(t, err)
			s := info.Subscriptions[0]
			if s.Name != name || s.Held {
				return false
			}
			if info.Full {
				full++
			}
			return info.Full || info.Sent == payments
		})
		audit = start(t, "keep", file)
	}
	require.NotZero(t, full)
	require.NoError(t, payer.Wait())
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(queue)
		require.NoError(t, err)
		return info.Subscriptions[0].Lag == 0
	})
	for _, p := range []*exec.Cmd{audit, other} {
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
		require.NoError(t, p.Wait())
	}
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		_, rest, _ := strings.Cut(line, "\t")
		require.Equal(t, fmt.Sprintf("%d\taccount %d", i, i%7), rest)
	}
	require.Equal(t, payments, written(t, file))
	require.Equal(t, payments, bytes.Count(seen.Bytes(), []byte("\n")))
	require.NoError(t, shmq.Remove(queue))
}

// Two audits would share nothing: the second one is told who the first is.
func TestOneProcessHasTheSubscription(t *testing.T) {
	testproc.OwnDir(t)
	dir := t.TempDir()
	first := start(t, "keep", filepath.Join(dir, "a"))
	testproc.UntilAttached(t, queue, 1)
	second := testproc.Program(t, "keep", filepath.Join(dir, "b"))
	var said bytes.Buffer
	second.Stderr = &said
	require.Error(t, second.Run())
	require.Contains(t, said.String(), fmt.Sprintf("subscription audit is that of pid %d", first.Process.Pid))
	require.NoError(t, first.Process.Signal(syscall.SIGTERM))
	require.NoError(t, first.Wait())
	require.NoError(t, shmq.Remove(queue))
}

// A file whose last line was cut, as a full disk or a crash may leave it, goes on behind the last whole
// one.
func TestACutLineIsWrittenAgain(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString("a-1\t1\tx\na-2\t2\ty\na-3\t")
	require.NoError(t, err)
	_, err = f.Seek(0, 0)
	require.NoError(t, err)
	id, err := lastID(f)
	require.NoError(t, err)
	require.Equal(t, "a-2", id)
	_, err = f.WriteString("a-3\t3\tz\n")
	require.NoError(t, err)
	b, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, "a-1\t1\tx\na-2\t2\ty\na-3\t3\tz\n", string(b))
}
