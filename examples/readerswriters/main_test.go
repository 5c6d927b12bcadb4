package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

func TestEveryLineIsPrintedOnceByOneOfTheReaders(t *testing.T) {
	ownDir(t)
	const perWriter = 200
	var outs [2]bytes.Buffer
	var readers []*exec.Cmd
	for i := range outs {
		r := program(t, "read")
		r.Stdout = &outs[i]
		require.NoError(t, r.Start())
		readers = append(readers, r)
	}
	untilAttached(t, queue, len(readers))

	var want []string
	var writers []*exec.Cmd
	var people []io.WriteCloser
	for range 2 {
		w := program(t, "write")
		person, err := w.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, w.Start())
		writers, people = append(writers, w), append(people, person)
	}
	// All are there before the first line: the readers end with the last writer.
	untilAttached(t, queue, len(readers)+len(writers))
	for n := range perWriter {
		for i, person := range people {
			fmt.Fprintf(person, "þetta er %d\n", n)
			want = append(want, fmt.Sprintf("writer %d, line %d: þetta er %d", writers[i].Process.Pid, n+1, n))
		}
	}
	for i, w := range writers {
		require.NoError(t, people[i].Close())
		require.NoError(t, w.Wait())
	}
	var got []string
	for i, r := range readers {
		require.NoError(t, r.Wait())
		got = append(got, strings.Split(strings.TrimSuffix(outs[i].String(), "\n"), "\n")...)
	}
	got = slices.DeleteFunc(got, func(line string) bool { return line == "" }) // of a reader that was never quick enough
	require.ElementsMatch(t, want, got)
}

func TestCtrlCEndsAWriterThatWaitsForItsPerson(t *testing.T) {
	ownDir(t)
	w := program(t, "write")
	person, err := w.StdinPipe() // and nothing is typed
	require.NoError(t, err)
	defer person.Close()
	require.NoError(t, w.Start())
	untilAttached(t, queue, 1)
	require.NoError(t, w.Process.Signal(syscall.SIGINT))
	require.NoError(t, w.Wait())
	require.NoError(t, program(t, "read").Run()) // finds nothing, and removes the queue
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
