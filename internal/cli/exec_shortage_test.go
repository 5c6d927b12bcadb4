//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
)

// short is a receiver that would drop a record that fails once, and its standard error
// while it runs.
type short struct {
	*process
	queue  string
	stderr string // a file
}

func startShort(t *testing.T, env []string, args ...string) *short {
	t.Helper()
	s := &short{queue: queuePath(t), stderr: filepath.Join(t.TempDir(), "stderr")}
	require.NoError(t, shmq.Create(s.queue, nil))
	file, err := os.Create(s.stderr)
	require.NoError(t, err)
	defer file.Close()
	s.process = startCmd(t, func(p *process) {
		p.Args = append([]string{"shmq-recv", s.queue, "--retries", "0", "--on-failure", "drop"}, args...)
		p.Env = append(p.Env, env...)
		p.Stdout, p.Stderr = &p.out, file
	})
	return s
}

func (s *short) says(text string) func() bool {
	return func() bool {
		b, err := os.ReadFile(s.stderr)
		return err == nil && strings.Contains(string(b), text)
	}
}

// A shortage while a command is started is waited for: it is neither the command's fault
// nor an attempt at the record.
func TestShortageOfDescriptorsIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := startShort(t, nil, "--count", "1", "--exec", "read x; echo $x $SHMQ_ATTEMPT")
	until(t, "idle receiver", waiting(r.queue, shmq.Consumer))
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.Process.Pid))
	require.NoError(t, err)
	var was unix.Rlimit
	limit := unix.Rlimit{Cur: uint64(len(files)), Max: 1024}
	require.NoError(t, unix.Prlimit(r.Process.Pid, unix.RLIMIT_NOFILE, &limit, &was))
	sendBytes(t, r.queue, "\xa1a")
	until(t, "a shortage", r.says("record 1: the command can't be started just now"))
	require.True(t, r.says("too many open files; it is tried again until that has passed")())
	limit.Cur = 1024
	require.NoError(t, unix.Prlimit(r.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil))
	r.wait(0)
	require.Equal(t, "a 1\n", r.out.String())
}

// A command that is being written, by a deployment for example, is waited for. Not
// parallel: another test's process that is forked just then has the file open as well.
func TestCommandThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	command := filepath.Join(t.TempDir(), "command")
	require.NoError(t, os.WriteFile(command, []byte("#!/bin/sh\nread x; echo $x $SHMQ_ATTEMPT\n"), 0o700))
	file, err := os.OpenFile(command, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	r := startShort(t, nil, "--count", "1", "--", command)
	sendBytes(t, r.queue, "\xa1a")
	until(t, "a shortage", r.says("text file busy"))
	require.NoError(t, file.Close())
	r.wait(0)
	require.Equal(t, "a 1\n", r.out.String())
}

// pidsCgroup makes a cgroup whose processes can be limited, or skips the test.
func pidsCgroup(t *testing.T) string {
	t.Helper()
	for _, base := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		dir := filepath.Join(base, fmt.Sprintf("shmq-test-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			until(t, "an empty cgroup", func() bool { return os.Remove(dir) == nil })
		})
		if _, err := os.Stat(filepath.Join(dir, "pids.max")); err == nil {
			return dir
		}
	}
	t.Skip("no cgroup whose number of processes can be limited; it needs root and the pids controller")
	return ""
}

// In a cgroup that is full no command can be started; nor is there a thread to be had, so
// the receiver has made those that it needs before.
func TestShortageOfProcessesIsWaitedFor(t *testing.T) {
	dir := pidsCgroup(t)
	r := startShort(t, []string{"GOMAXPROCS=1"}, "--jobs", "8", "--count", "9", "--exec", "read x; sleep 0.2; echo $x $SHMQ_ATTEMPT")
	set := func(file, value string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(value), 0))
	}
	set("cgroup.procs", strconv.Itoa(r.Process.Pid))
	sendBytes(t, r.queue, "\xa11", "\xa12", "\xa13", "\xa14", "\xa15", "\xa16", "\xa17", "\xa18")
	until(t, "eight commands", settled(r.queue, 8))
	current, err := os.ReadFile(filepath.Join(dir, "pids.current"))
	require.NoError(t, err)
	set("pids.max", strings.TrimSpace(string(current)))
	sendBytes(t, r.queue, "\xa19")
	until(t, "a shortage", r.says("record 9: the command can't be started just now: fork/exec /bin/sh: resource temporarily unavailable"))
	set("pids.max", "max")
	r.wait(0)
	require.True(t, strings.HasSuffix(r.out.String(), "\n9 1\n"), r.out.String())
}

// The same by the limit of processes of a user.
func TestLimitOfProcessesIsWaitedFor(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root is not limited")
	}
	r := startShort(t, []string{"GOMAXPROCS=1"}, "--count", "1", "--exec", "read x; echo $x $SHMQ_ATTEMPT")
	until(t, "idle receiver", waiting(r.queue, shmq.Consumer))
	limit := unix.Rlimit{Cur: 0, Max: 4096}
	require.NoError(t, unix.Prlimit(r.Process.Pid, unix.RLIMIT_NPROC, &limit, nil))
	sendBytes(t, r.queue, "\xa1a")
	until(t, "a shortage", r.says("resource temporarily unavailable"))
	limit.Cur = 4096
	require.NoError(t, unix.Prlimit(r.Process.Pid, unix.RLIMIT_NPROC, &limit, nil))
	r.wait(0)
	require.Equal(t, "a 1\n", r.out.String())
}

// A shortage does not keep a signal from ending the receiver, and the record stays.
func TestSignalEndsReceiverInAShortage(t *testing.T) {
	t.Parallel()
	r := startShort(t, nil, "--exec", "cat")
	until(t, "idle receiver", waiting(r.queue, shmq.Consumer))
	limit := unix.Rlimit{Cur: 3, Max: 1024}
	require.NoError(t, unix.Prlimit(r.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil))
	sendBytes(t, r.queue, "\xa1a")
	until(t, "a shortage", r.says("too many open files"))
	require.NoError(t, r.Process.Signal(syscall.SIGTERM))
	r.wait(143)
	require.Equal(t, "a\n", string(rest(t, r.queue)))
}

// A command that is removed while the receiver runs is one that is not found.
func TestCommandThatVanishes(t *testing.T) {
	t.Parallel()
	command := filepath.Join(t.TempDir(), "command")
	require.NoError(t, os.WriteFile(command, []byte("#!/bin/sh\nrm $0\n"), 0o700))
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 2)), nil, "shmq-send", q).ends(0)
	require.Contains(t, start(t, nil, nil, "shmq-recv", q, "--", command).ends(127), "not found")
	require.Equal(t, "2\n", string(rest(t, q)))
}

// The number of a command that can't be run for good is still that of the shell.
func TestWhatIsNoShortage(t *testing.T) {
	t.Parallel()
	command := filepath.Join(t.TempDir(), "command")
	require.NoError(t, os.WriteFile(command, []byte("\x7fELF but no program"), 0o700))
	q := queuePath(t)
	sendBytes(t, q, "\xa1a")
	require.Contains(t, start(t, nil, nil, "shmq-recv", q, "--", command).ends(126), "exec format error")
	require.Equal(t, "a\n", string(rest(t, q)))
}
