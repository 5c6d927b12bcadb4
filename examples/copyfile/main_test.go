package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
)

func TestTheCopyIsIdentical(t *testing.T) {
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 5*slots*chunkSize/2 + 7} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			testproc.OwnDir(t)
			source, target := filepath.Join(t.TempDir(), "source"), filepath.Join(t.TempDir(), "target")
			want := noise(size)
			require.NoError(t, os.WriteFile(source, want, 0o600))
			require.NoError(t, testproc.Program(t, "-workers", "3", source, target).Run())
			requireFile(t, target, want)
		})
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	testproc.OwnDir(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("precious"), 0o600))
	require.Error(t, testproc.Program(t, file, file).Run())
	requireFile(t, file, []byte("precious"))
}

func TestAKilledWorkerLosesNothing(t *testing.T) {
	testproc.OwnDir(t)
	target := filepath.Join(t.TempDir(), "target")
	parent := testproc.Program(t, "-workers", "2", "/dev/stdin", target)
	src, err := parent.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	queue := fmt.Sprintf("copyfile-%d", parent.Process.Pid)
	testproc.UntilAttached(t, queue, 3) // the parent and its workers

	// One more worker takes a chunk and does nothing with it.
	t.Setenv(asIdler, queue)
	idler := testproc.Program(t)
	said, err := idler.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, idler.Start())
	testproc.UntilAttached(t, queue, 4)
	leased := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(said, make([]byte, 1))
		leased <- err
	}()
	var want []byte
	feed := func() {
		chunk := noise(chunkSize)
		want = append(want, chunk...)
		_, err := src.Write(chunk)
		require.NoError(t, err)
	}
	for holding := false; !holding; {
		feed()
		select {
		case err := <-leased:
			require.NoError(t, err)
			holding = true
		default:
		}
	}
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	require.Positive(t, info.Leased)

	require.NoError(t, idler.Process.Kill())
	require.Error(t, idler.Wait())
	for range 20 {
		feed()
	}
	require.NoError(t, src.Close())
	require.NoError(t, parent.Wait())
	requireFile(t, target, want)
}

func TestACopyWithoutWorkersLeftFails(t *testing.T) {
	testproc.OwnDir(t)
	parent := testproc.Program(t, "-workers", "2", "/dev/stdin", filepath.Join(t.TempDir(), "target"))
	var said bytes.Buffer
	parent.Stderr = &said
	src, err := parent.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	queue := fmt.Sprintf("copyfile-%d", parent.Process.Pid)
	testproc.UntilAttached(t, queue, 3)
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	for _, p := range info.Participants {
		if p.Role == shmq.Consumer {
			require.NoError(t, syscall.Kill(p.PID, syscall.SIGKILL))
		}
	}
	go func() { // more than the queue holds
		var err error
		for err == nil {
			_, err = src.Write(make([]byte, chunkSize))
		}
	}()
	require.Error(t, parent.Wait())
	require.Contains(t, said.String(), "the copy is not complete")
}

// asIdler makes the test binary a worker that leases one record of the queue it
// names, says so, and holds it until it is killed.
const asIdler = "SHMQ_EXAMPLE_IDLER"

func idle(queue string) {
	c, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: true})
	if err == nil {
		_, err = c.Lease(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(".")
	select {}
}

var rng = rand.NewChaCha8([32]byte{})

// noise returns bytes of which no chunk equals another.
func noise(n int) []byte {
	b := make([]byte, n)
	rng.Read(b) // never fails
	return b
}

func requireFile(t *testing.T, name string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	require.True(t, bytes.Equal(want, got), "the bytes differ")
}

func TestMain(m *testing.M) {
	if queue := os.Getenv(asIdler); queue != "" {
		idle(queue)
	}
	testproc.MainProgram(m, main)
}
