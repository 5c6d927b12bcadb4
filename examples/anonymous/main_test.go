package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// OwnDir checks that nothing is left; there is nothing that could be.
func TestChildrenWorkOverQueuesWithoutAName(t *testing.T) {
	testproc.OwnDir(t)
	var out strings.Builder
	parent := testproc.Program(t)
	parent.Stdout = &out
	require.NoError(t, parent.Run())
	require.Equal(t, "the squares of 1 to 100 add up to 338350\n", out.String())
}

func TestMain(m *testing.M) { testproc.MainProgram(m, main) }
