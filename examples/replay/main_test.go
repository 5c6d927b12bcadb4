package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) { testproc.MainProgram(m, main) }

// The program is killed again and again, while it sends and while it waits for room.
func TestEachLineIsInTheQueueOnce(t *testing.T) {
	testproc.OwnDir(t)
	file := filepath.Join(t.TempDir(), "lines")
	var text bytes.Buffer
	const lines, kills = 20_000, 25
	for i := range lines {
		fmt.Fprintf(&text, "line %d%*s\n", i, i%90, "")
	}
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	require.NoError(t, shmq.Create("lines", &shmq.Options{Producers: shmq.One, Slots: 64, SlotSize: 64}))
	c, err := consumer.OpenRaw("lines", nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	next := 0
	take := func(n int) {
		t.Helper()
		for range n {
			line, err := c.Receive(ctx, nil)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("line %d%*s\n", next, next%90, ""), string(line))
			next++
		}
	}
	for range kills {
		p := testproc.Program(t, file, "lines")
		require.NoError(t, p.Start())
		take(lines / kills / 2)
		require.NoError(t, p.Process.Kill())
		require.Error(t, p.Wait())
	}
	last := testproc.Program(t, file, "lines")
	require.NoError(t, last.Start())
	take(lines - next)
	require.NoError(t, last.Wait())
	require.NoError(t, testproc.Program(t, file, "lines").Run(), "nothing is left to be sent")
	_, err = c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.NoError(t, c.Close())
	require.NoError(t, shmq.Remove("lines"))
}

func TestAnotherFileIsRefused(t *testing.T) {
	testproc.OwnDir(t)
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	require.NoError(t, os.WriteFile(a, []byte("one\ntwo"), 0o600))
	require.NoError(t, os.WriteFile(b, []byte("three\n"), 0o600))
	require.NoError(t, testproc.Program(t, a, "lines").Run())
	other := testproc.Program(t, b, "lines")
	var said bytes.Buffer
	other.Stderr = &said
	require.Error(t, other.Run())
	require.Contains(t, said.String(), "another file")
	info, err := shmq.Stat("lines")
	require.NoError(t, err)
	require.Equal(t, 2, info.Records)
	require.EqualValues(t, 7, info.Mark.Mark[0])
	require.NoError(t, shmq.Remove("lines"))
}
