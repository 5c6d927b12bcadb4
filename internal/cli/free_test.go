//go:build linux

package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/program"
)

// fullPipe returns a pipe that takes no byte, and nobody reads.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	_, w := pipe(t)
	fd := int(w.Fd())
	require.NoError(t, unix.SetNonblock(fd, true))
	for {
		if _, err := unix.Write(fd, make([]byte, 1)); err == unix.EAGAIN {
			break
		}
	}
	require.NoError(t, unix.SetNonblock(fd, false)) // the command's end is the same description
	return w
}

// inCall says that a thread of a process is in a system call.
func inCall(p *process, call uintptr) func() bool {
	return func() bool {
		tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(p.Process.Pid) + "/task/*/syscall")
		for _, task := range tasks {
			b, err := os.ReadFile(task)
			if err == nil && len(b) > 0 && string(b[:min(len(b), len(strconv.Itoa(int(call)))+1)]) == strconv.Itoa(int(call))+" " {
				return true
			}
		}
		return false
	}
}

// A command that holds nothing, or is between two queues, ends at the first signal, also where
// nobody reads what it writes, or nobody opens the other end of its input.
func TestFirstSignalEndsCommandsThatBlock(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	ran(t, 0, "shmq-send", "q", "one")
	for _, args := range [][]string{
		{"ls"}, {"ls", "--json"}, {"stat", "q"}, {"stat", "--prometheus"}, {"check", "q"}, {"map", "--interval", "50ms"}, {"version"},
		{"peek", "q"}, {"recover", "q"}, {"drain", "q"}, {"gc", "--dry-run"}, {"gc", "--dry-run", "--json"},
		{"completion", "bash"},
	} {
		p := start(t, nil, fullPipe(t), "shmq", args...)
		until(t, "a blocked write", inCall(p, unix.SYS_WRITE))
		require.NoError(t, p.Process.Signal(syscall.SIGINT))
		p.ends(130)
	}
	for _, args := range [][]string{{"shmq-send", "q", "--input", fifo}, {"shmq", "load", "q", fifo}} {
		p := start(t, nil, nil, args[0], args[1:]...)
		until(t, "a blocked open", inCall(p, unix.SYS_OPENAT))
		require.NoError(t, p.Process.Signal(syscall.SIGINT))
		p.ends(130)
	}
}

// A dry run that nobody reads; nothing has been put back, and the result has nobody either.
func TestSignalEndsDryRunOfRequeue(t *testing.T) {
	t.Parallel()
	q, dead := queuePath(t), queuePath(t)
	start(t, bytes.NewReader(numbers(1, 3)), nil, "shmq-send", q).ends(0)
	start(t, nil, nil, "shmq-recv", q, "--until-empty", "--retries", "0", "--dead-letter", dead, "--exec", "exit 1").wait(123)
	p := start(t, nil, fullPipe(t), "shmq", "requeue", dead, "--dry-run")
	until(t, "a blocked write", inCall(p, unix.SYS_WRITE))
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	p.ends(130)
}

func TestSignalEndsGcBehindTheQueueAtHand(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	for _, q := range []string{"a", "b", "c"} {
		ran(t, 0, "shmq", "create", q)
	}
	p := start(t, nil, fullPipe(t), "shmq", "gc", "--older-than", "0", "--json")
	until(t, "the first one's end", func() bool { _, err := shmq.Stat("a"); return err != nil })
	until(t, "a blocked write", inCall(p, unix.SYS_WRITE))
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	p.ends(143)
	entries, err := shmq.List()
	require.NoError(t, err)
	require.Len(t, entries, 2, "the first one was removed and is to be told of")
	require.Equal(t, "b", entries[0].Name)
}

// What a verb does when the signal came before its next queue.
func TestEndedContextRemovesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	require.NoError(t, shmq.Create("q", nil))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(exit.Signal{Sig: syscall.SIGINT})
	for _, args := range [][]string{{"rm", "q"}, {"gc", "--older-than", "0"}, {"rm", "--force", "q"}} {
		root := cli.Shmq()
		program.Prepare(root)
		root.SetArgs(args)
		require.Equal(t, 130, exit.Code(root.ExecuteContext(ctx)), args)
		_, err := shmq.Stat("q")
		require.NoError(t, err)
	}
}

// The result of a command that was ended is printed, if there is anybody to read it.
func TestResultIsPrintedAfterTheSignal(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(exit.Signal{Sig: syscall.SIGINT})
	printed := false
	require.NoError(t, exit.Print(ctx, func() error { printed = true; return nil }))
	require.True(t, printed)
	never := make(chan error)
	begun := time.Now()
	require.Equal(t, 130, exit.Code(exit.Print(ctx, func() error { return <-never })))
	require.GreaterOrEqual(t, time.Since(begun), time.Second)
}
