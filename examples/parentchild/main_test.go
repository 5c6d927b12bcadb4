package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheChildGetsAllTasksOfItsParent(t *testing.T) {
	ownDir(t)
	var out strings.Builder
	parent := program(t)
	parent.Stdout = &out
	require.NoError(t, parent.Run())

	var child, task, pid int
	_, err := fmt.Sscanf(out.String(), "child %d: task %d from parent %d", &child, &task, &pid)
	require.NoError(t, err, out.String())
	require.NotEqual(t, parent.Process.Pid, child)
	var want strings.Builder
	for i := range 5 {
		fmt.Fprintf(&want, "child %d: task %d from parent %d\n", child, i+1, parent.Process.Pid)
	}
	require.Equal(t, want.String(), out.String())
}

// The test binary is also the program under test: with this variable set it is that.
const asProgram = "SHMQ_EXAMPLE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program returns the program as a process to be started.
func program(t *testing.T, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// ownDir gives the test and its processes a directory for queues. At the end it has
// to be empty.
func ownDir(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHMQ_DIR", dir)
	t.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // not a second for each process
	t.Cleanup(func() {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, files)
	})
}
