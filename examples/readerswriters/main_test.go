package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

func TestEveryLineIsPrintedOnceByOneOfTheReaders(t *testing.T) {
	testproc.OwnDir(t)
	const perWriter = 200
	var outs [2]bytes.Buffer
	var readers []*exec.Cmd
	for i := range outs {
		r := testproc.Program(t, "read")
		r.Stdout = &outs[i]
		require.NoError(t, r.Start())
		readers = append(readers, r)
	}
	testproc.UntilAttached(t, queue, len(readers))

	var want []string
	var writers []*exec.Cmd
	var people []io.WriteCloser
	for range 2 {
		w := testproc.Program(t, "write")
		person, err := w.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, w.Start())
		writers, people = append(writers, w), append(people, person)
	}
	// All are there before the first line: the readers end with the last writer.
	testproc.UntilAttached(t, queue, len(readers)+len(writers))
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
	testproc.OwnDir(t)
	w := testproc.Program(t, "write")
	person, err := w.StdinPipe() // and nothing is typed
	require.NoError(t, err)
	defer person.Close()
	require.NoError(t, w.Start())
	testproc.UntilAttached(t, queue, 1)
	require.NoError(t, w.Process.Signal(syscall.SIGINT))
	require.NoError(t, w.Wait())
	require.NoError(t, testproc.Program(t, "read").Run()) // finds nothing, and removes the queue
}

func TestMain(m *testing.M) { testproc.MainProgram(m, main) }
