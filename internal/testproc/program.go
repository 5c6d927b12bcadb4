//go:build linux

package testproc

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

const programEnv = "SHMQ_TEST_PROGRAM"

// MainProgram is for the TestMain of a program: in a process that Program made it is
// the program, otherwise it runs the tests.
func MainProgram(m *testing.M, program func()) {
	if os.Getenv(programEnv) != "" {
		program()
		return
	}
	os.Exit(m.Run())
}

// Program returns the program under test as a process to be started.
func Program(t testing.TB, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append(os.Environ(), programEnv+"=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// OwnDir gives the test and its processes a directory for queues. At the end it has
// to be empty.
func OwnDir(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	t.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // not a second for each process
	t.Cleanup(func() {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, files)
	})
}

// UntilAttached waits until so many participants are attached to the queue.
func UntilAttached(t testing.TB, queue string, n int) {
	t.Helper()
	Until(t, func() bool {
		info, err := shmq.Stat(queue)
		return err == nil && len(info.Participants) == n
	})
}
