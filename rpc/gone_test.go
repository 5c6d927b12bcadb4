//go:build linux

package rpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/rpc"
)

// A server removes what dead clients have left before it answers its first request.
func TestServerCollectsBeforeItsFirstRequest(t *testing.T) {
	t.Parallel()
	q := queue(t)
	p := testproc.Start(t, "client", q)
	p.Expect("ready")
	c := dial(t, q, nil) // it would collect itself
	p.Kill()
	require.Len(t, answerQueues(t, q), 2)
	left := make(chan int, 1)
	s := begin(t, q, rpc.ServeOptions{}, func(_ context.Context, b []byte) ([]byte, error) {
		left <- len(answerQueues(t, q))
		return b, nil
	})
	_, err := c.Call(testagent.Within(t), nil)
	require.NoError(t, err)
	require.Equal(t, 1, <-left)
	s.end()
}

// A server that knows a client asks again at each request whether it is there: its handler does
// not run for one that has gone since the last look at all of them.
func TestServerAsksForTheClientOfEachRequest(t *testing.T) {
	t.Parallel()
	q := queue(t)
	begun, release := make(chan struct{}, 1), make(chan struct{})
	s := begin(t, q, rpc.ServeOptions{Jobs: 1}, func(_ context.Context, b []byte) ([]byte, error) {
		switch string(b) {
		case "wait":
			begun <- struct{}{}
			<-release
		case "late":
			t.Error("the handler runs for a client that is gone")
		}
		return b, nil
	})
	leaver, c := dial(t, q, nil), dial(t, q, nil)
	_, err := leaver.Call(testagent.Within(t), nil) // now it is known
	require.NoError(t, err)
	done := make(chan error, 2)
	go func() { _, err := c.Call(testagent.Within(t), []byte("wait")); done <- err }()
	<-begun
	sent := requests(t, q)
	go func() { _, _ = leaver.Call(context.Background(), []byte("late")); done <- nil }()
	testproc.Until(t, func() bool { return requests(t, q) == sent+1 })
	require.NoError(t, leaver.Close())
	time.Sleep(2 * time.Millisecond) // an answer of the kernel is believed for one
	close(release)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	testproc.Until(t, func() bool { return s.counts.Gone.Load() == 1 })
	s.end()
}

// requests is how many were sent.
func requests(t *testing.T, q string) uint64 {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	return info.Sent
}
