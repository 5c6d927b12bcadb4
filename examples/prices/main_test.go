package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) { testproc.MainProgram(m, main) }

const records = 1000

// reader is a process that reads prices.
type reader struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	mu  sync.Mutex
	out bytes.Buffer
}

func (r *reader) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(b)
}

func (r *reader) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Split(strings.TrimSpace(r.out.String()), "\n")
}

// begin makes the queue and starts three readers, of which the last is slow, and a publisher.
func begin(t *testing.T, manner string) (readers []*reader, publisher *exec.Cmd) {
	t.Helper()
	testproc.OwnDir(t)
	require.NoError(t, testproc.Program(t, "make", manner).Run())
	for _, args := range [][]string{{"read"}, {"read"}, {"read", "ask"}} {
		r := &reader{cmd: testproc.Program(t, args...)}
		r.cmd.Stdout = r
		var err error
		r.in, err = r.cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, r.cmd.Start())
		t.Cleanup(func() { _ = r.cmd.Process.Kill() })
		readers = append(readers, r)
	}
	testproc.UntilAttached(t, queue, len(readers))
	publisher = testproc.Program(t, "publish", fmt.Sprint(records))
	require.NoError(t, publisher.Start())
	t.Cleanup(func() { _ = publisher.Process.Kill() })
	return readers, publisher
}

// ends has the slow reader read on, and checks what each has got: prices in their order, as many
// missing as it was told. It returns how many that were.
func ends(t *testing.T, r *reader) (lost int) {
	t.Helper()
	require.NoError(t, r.in.Close())
	require.NoError(t, r.cmd.Wait())
	lines := r.lines()
	next := 0
	for _, line := range lines[:len(lines)-1] {
		var n, cents int
		if c, err := fmt.Sscanf(line, "lost %d prices", &n); c == 1 && err == nil {
			next, lost = next+n, lost+n
			continue
		}
		c, err := fmt.Sscanf(line, "%d: 10%d", &n, &cents)
		require.NoError(t, err, line)
		require.Equal(t, 2, c)
		require.Equal(t, next, n)
		next++
	}
	require.Equal(t, records, next)
	require.Equal(t, fmt.Sprintf("%d prices, %d lost", records-lost, lost), lines[len(lines)-1])
	return lost
}

// One reader takes nothing: the publisher fills the ring and waits for it, and everybody gets every
// price in the end.
func TestAllWaitForTheSlowReader(t *testing.T) {
	readers, publisher := begin(t, "wait")
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(queue)
		return err == nil && info.Full && info.ProducersAsleep && len(readers[0].lines()) == 64 && len(readers[1].lines()) == 64
	})
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	require.Equal(t, readers[2].cmd.Process.Pid, info.Subscriptions[0].PID, "who holds the ring up comes first")
	require.Equal(t, []string{"0: 100.00"}, readers[2].lines())
	for _, r := range []*reader{readers[2], readers[0], readers[1]} {
		require.Zero(t, ends(t, r))
	}
	require.NoError(t, publisher.Wait())
	require.NoError(t, shmq.Remove(queue))
}

// Nobody waits: the publisher is done while one reader is at its first price.
func TestNobodyWaitsForTheSlowReader(t *testing.T) {
	readers, publisher := begin(t, "skip")
	require.NoError(t, publisher.Wait())
	require.LessOrEqual(t, len(readers[2].lines()), 2)
	require.GreaterOrEqual(t, ends(t, readers[2]), records-64-1)
	for _, r := range readers[:2] {
		ends(t, r) // which have lost what they were told, if anything
	}
	require.NoError(t, shmq.Remove(queue))
}
