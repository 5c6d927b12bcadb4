//go:build linux

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// sendBytes sends records as they are.
func sendBytes(t *testing.T, q string, records ...string) {
	t.Helper()
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	for _, r := range records {
		require.NoError(t, p.TrySend([]byte(r)))
	}
	require.NoError(t, p.Close())
}

// startLimited starts a command whose files can't grow beyond a size.
func startLimited(t *testing.T, out *os.File, size uint64, name string, args ...string) *process {
	t.Helper()
	p := start(t, nil, out, name, append(args, "--timeout", "60s")...)
	limit := unix.Rlimit{Cur: size, Max: size}
	require.NoError(t, unix.Prlimit(p.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil))
	return p
}

// cpuTime returns what a process has used, of all its threads.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	fields := testproc.Stat(pid)
	require.NotEmpty(t, fields)
	ticks := 0
	for _, f := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(f)
		require.NoError(t, err)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ is 100 everywhere
}

// Another user, or oneself without the bits, is told so. Not parallel: a process that
// is forked while the copy of the binary is open for writing makes it busy.
func TestNoPermission(t *testing.T) {
	dir, err := os.MkdirTemp("", "shmq-cli") // t.TempDir is for its owner only
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o755))
	q := filepath.Join(dir, "q")
	require.NoError(t, shmq.Create(q, &shmq.Options{Mode: 0o200}))

	self := testproc.ForAnyone(t)
	for _, command := range [][]string{
		{"shmq-send", q}, {"shmq-recv", q}, {"shmq", "stat", q}, {"shmq", "recover", q}, {"shmq", "rm", q}, {"shmq", "create", dir + "/new"},
	} {
		if command[1] == "create" && os.Getuid() != 0 {
			continue // one's own directory
		}
		cmd := exec.Command(self)
		cmd.Args = command
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, _ := cmd.CombinedOutput()
		require.Equal(t, 77, cmd.ProcessState.ExitCode(), "%v: %s", command, out)
		require.Equal(t, 1, strings.Count(string(out), "\n"))
		require.Contains(t, string(out), strconv.Quote(command[len(command)-1]))
	}
}

// A user who may read a queue and not write it can look at it with every verb that looks, and is
// told so by every other.
func TestReadersOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "shmq-cli")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o755))
	q := filepath.Join(dir, "shmq.q")
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 16}))
	sendBytes(t, q, "\xa1x")
	require.NoError(t, os.Chmod(q, 0o444))
	self := testproc.ForAnyone(t)
	run := func(code int, command ...string) string {
		t.Helper()
		cmd := exec.Command(self)
		cmd.Args = command
		cmd.Env = append(os.Environ(), "SHMQ_DIR="+dir)
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, _ := cmd.CombinedOutput()
		require.Equal(t, code, cmd.ProcessState.ExitCode(), "%v: %s", command, out)
		return string(out)
	}
	for _, look := range []string{
		"ls", "stat q", "stat --json q", "stat --prometheus", "stat --interval 20ms q", "top --once --interval 50ms", "top --once --interval 50ms q",
		"peek q", "tail --until-eof q", "recover q", "recover --dry-run q", "gc --dry-run", "dump q",
	} {
		run(0, append([]string{"shmq"}, strings.Fields(look)...)...)
	}
	for _, act := range []string{
		"shmq-send q", "shmq-recv q", "shmq drain q", "shmq dump --take q", "shmq rm q", "shmq rm --force q",
	} {
		require.Contains(t, run(77, strings.Fields(act)...), "to take part is to write", act)
	}
}
