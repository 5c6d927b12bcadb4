package main

import (
	"bytes"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/worker/deadletter"
)

func TestMain(m *testing.M) { testproc.MainProgram(m, main) }

// output is what a process has written so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Split(strings.TrimSpace(o.buf.String()), "\n")
}

// workers starts a worker.
func workers(t *testing.T) (*exec.Cmd, *output, *output) {
	t.Helper()
	var out, log output
	w := testproc.Program(t, "work")
	w.Stdout, w.Stderr = &out, &log
	require.NoError(t, w.Start())
	t.Cleanup(func() { _ = w.Process.Kill(); _ = w.Wait() })
	return w, &out, &log
}

func send(t *testing.T, customer, amount string) {
	t.Helper()
	require.NoError(t, testproc.Program(t, "order", customer, amount).Run())
}

func remove(t *testing.T, names ...string) {
	for _, name := range names {
		require.NoError(t, shmq.Remove(name))
	}
}

func TestOrdersArePackedAndBadOnesPutAside(t *testing.T) {
	testproc.OwnDir(t)
	w, out, _ := workers(t)
	send(t, "ada", "3")
	send(t, "bob", "-5")
	send(t, "ada", "1")
	testproc.Until(t, func() bool { return len(out.lines()) == 2 })
	require.Equal(t, []string{"packed 3 for ada", "packed 1 for ada"}, out.lines())

	var letter *deadletter.Letter
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(failed)
		return err == nil && info.Records == 1
	})
	c, err := consumer.OpenRaw(failed, nil)
	require.NoError(t, err)
	l, err := c.TryLease()
	require.NoError(t, err)
	letter, err = deadletter.Parse(l.Bytes())
	require.NoError(t, err)
	l.Ack()
	require.NoError(t, c.Close())
	require.Equal(t, errAmount.Error(), letter.Reason)
	require.Equal(t, queue, letter.Queue)

	require.NoError(t, w.Process.Signal(syscall.SIGTERM))
	require.NoError(t, w.Wait())
	remove(t, queue, failed)
}

// Asked to end, it finishes the order in hand, and leaves the others for the next one.
func TestSignalEndsTheWorkerInOrder(t *testing.T) {
	testproc.OwnDir(t)
	w, out, _ := workers(t)
	testproc.UntilAttached(t, queue, 1)
	send(t, "ada", "50") // half a second
	send(t, "ada", "2")
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(queue)
		return err == nil && info.Leased == 2
	})
	require.NoError(t, w.Process.Signal(syscall.SIGTERM))
	require.NoError(t, w.Wait())
	require.Equal(t, []string{"packed 50 for ada"}, out.lines())

	w, out, _ = workers(t)
	testproc.Until(t, func() bool { return len(out.lines()[0]) > 0 })
	require.Equal(t, []string{"packed 2 for ada, perhaps again"}, out.lines())
	require.NoError(t, w.Process.Signal(syscall.SIGTERM))
	require.NoError(t, w.Wait())
	remove(t, queue)
}
