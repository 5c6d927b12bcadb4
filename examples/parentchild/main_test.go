package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

func TestTheChildGetsAllTasksOfItsParent(t *testing.T) {
	testproc.OwnDir(t)
	var out strings.Builder
	parent := testproc.Program(t)
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

func TestMain(m *testing.M) { testproc.MainProgram(m, main) }
