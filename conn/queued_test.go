//go:build linux

package conn

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

const queuers = 4

// waitQueued waits until one call of a half waits and the others are queued behind it.
func waitQueued(t *testing.T, h *half) {
	t.Helper()
	testproc.Until(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.queued == queuers-1
	})
}

func allReturn(t *testing.T, done <-chan error) {
	t.Helper()
	for range queuers {
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(testproc.Patience):
			t.Fatal("a queued call waits, and there is nothing to wait for")
		}
	}
}

// One call waits and others are queued behind it. Then there is enough for all: each goes on, also
// if none before it has to wait once more.
func TestQueuedReadsGoOn(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	done := make(chan error, queuers)
	for range queuers {
		go func() { _, err := io.ReadFull(b, make([]byte, 1)); done <- err }()
	}
	waitQueued(t, &b.in)
	_, err := a.Write(make([]byte, queuers))
	require.NoError(t, err)
	allReturn(t, done)
}

func TestQueuedWritesGoOn(t *testing.T) {
	t.Parallel()
	a, b := newPair(t)
	wrote := make(chan int, 1)
	go func() { n, _ := a.Write(make([]byte, 1<<20)); wrote <- n }()
	waitAsleep(t, &a.out) // there is no room
	require.NoError(t, a.SetWriteDeadline(time.Now().Add(-time.Second)))
	full := <-wrote
	require.NoError(t, a.SetWriteDeadline(time.Time{}))
	done := make(chan error, queuers)
	for range queuers {
		go func() { _, err := a.Write(make([]byte, 100)); done <- err }()
	}
	waitQueued(t, &a.out)
	_, err := io.ReadFull(b, make([]byte, full))
	require.NoError(t, err)
	allReturn(t, done)
}
