package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

const report = `1  Noor Haddad, enrolled 2024-09-02, grades map[Greek:17 algebra:14]
2  Sigríður Jónsdóttir, enrolled 2024-09-02, grades map[algebra:19]
3  Mateus Oliveira, enrolled 2025-01-13, grades map[]
`

func TestStudentsArePrintedByAnotherProcess(t *testing.T) {
	testproc.OwnDir(t)
	require.NoError(t, testproc.Program(t, "enrol").Run())
	out, err := testproc.Program(t, "print").Output()
	require.NoError(t, err)
	require.Equal(t, report, string(out))
}

func TestThePrinterMayStartFirst(t *testing.T) {
	testproc.OwnDir(t)
	var out bytes.Buffer
	printer := testproc.Program(t, "print")
	printer.Stdout = &out
	require.NoError(t, printer.Start())
	testproc.UntilAttached(t, queue, 1)
	require.NoError(t, testproc.Program(t, "enrol").Run())
	require.NoError(t, printer.Wait())
	require.Equal(t, report, out.String())
}

func TestMain(m *testing.M) { testproc.MainProgram(m, main) }
