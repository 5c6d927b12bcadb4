package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

const report = `1  Noor Haddad, enrolled 2024-09-02, grades map[Greek:17 algebra:14]
2  Sigríður Jónsdóttir, enrolled 2024-09-02, grades map[algebra:19]
3  Mateus Oliveira, enrolled 2025-01-13, grades map[]
`

func TestStudentsArePrintedByAnotherProcess(t *testing.T) {
	ownDir(t)
	require.NoError(t, program(t, "enrol").Run())
	out, err := program(t, "print").Output()
	require.NoError(t, err)
	require.Equal(t, report, string(out))
}

func TestThePrinterMayStartFirst(t *testing.T) {
	ownDir(t)
	var out bytes.Buffer
	printer := program(t, "print")
	printer.Stdout = &out
	require.NoError(t, printer.Start())
	untilAttached(t, queue, 1)
	require.NoError(t, program(t, "enrol").Run())
	require.NoError(t, printer.Wait())
	require.Equal(t, report, out.String())
}

// untilAttached waits until so many processes are attached to the queue.
func untilAttached(t *testing.T, queue string, n int) {
	require.Eventually(t, func() bool {
		info, err := shmq.Stat(queue)
		return err == nil && len(info.Participants) == n
	}, 20*time.Second, 2*time.Millisecond)
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
