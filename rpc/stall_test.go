//go:build linux

package rpc

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
)

// fullPeer returns a server, and a client as it sees it that has no room for an answer.
func fullPeer(t *testing.T) (*server, *RawClient, *peer) {
	t.Helper()
	q := filepath.Join(t.TempDir(), "q")
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 256, SlotSize: 1024}))
	c := dialTest(t, q, nil)
	p, err := openPeer(q, c.client)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.close()) })
	require.NoError(t, p.ready(background, time.Hour))
	fill(t, p)
	o, err := (&ServeOptions{AnswerWait: time.Hour, Logger: slog.New(slog.DiscardHandler)}).check()
	require.NoError(t, err)
	return &server{ServeOptions: o, queue: q}, c, p
}

func fill(t *testing.T, p *peer) {
	t.Helper()
	for {
		if err := p.trySend(make([]byte, 1000)); err != nil {
			require.Equal(t, errNoRoom, err)
			return
		}
	}
}

// within is a request whose call gives up after a time.
func within(d time.Duration) *request {
	return &request{call: 1, deadline: uint64(sys.MonotonicNanos() + int64(d))}
}

// A call that gives up soon, or has given up, says nothing of the time that other answers have.
func TestShortDeadlineIsNoStall(t *testing.T) {
	t.Parallel()
	s, c, p := fullPeer(t)
	s.send(background, p, within(time.Millisecond), nil, nil)
	require.False(t, p.stall.over.Load(), "AnswerWait is an hour")
	late := within(-time.Second)
	s.send(background, p, late, nil, nil)
	require.False(t, p.stall.over.Load())
	require.EqualValues(t, 2, s.Counters.Dropped.Load())

	// An answer that takes all of its time in vain does.
	s.AnswerWait = time.Millisecond
	s.send(background, p, &request{call: 2}, nil, nil)
	require.True(t, p.stall.over.Load())
	s.AnswerWait = time.Hour
	s.send(background, p, &request{call: 3}, nil, nil)
	require.EqualValues(t, 4, s.Counters.Dropped.Load(), "at once")

	// Room ends it, and what was waited before counts no more.
	for range 10 {
		_, err := c.in.Receive(background, nil)
		require.NoError(t, err)
	}
	testproc.Until(t, func() bool { return p.trySend(make([]byte, 1000)) == nil })
	require.False(t, p.stall.over.Load())
	fill(t, p)
	s.AnswerWait = time.Hour
	s.send(background, p, within(time.Millisecond), nil, nil)
	require.False(t, p.stall.over.Load())
}

// Deadlines that are all shorter than AnswerWait hold up a server for that long, together.
func TestShortDeadlinesAddUp(t *testing.T) {
	t.Parallel()
	s, _, p := fullPeer(t)
	s.AnswerWait = 20 * time.Millisecond
	for n := 1; !p.stall.over.Load(); n++ {
		require.LessOrEqual(t, n, 20)
		s.send(background, p, within(2*time.Millisecond), nil, nil)
	}
}

// Waits beside each other count once.
func TestStallCountsTimeOnce(t *testing.T) {
	t.Parallel()
	var s stall
	for range 1000 {
		s.begin()
	}
	began := s.since
	for range 999 {
		s.end(false, time.Hour)
	}
	require.Zero(t, s.waited)
	s.end(false, time.Hour)
	require.LessOrEqual(t, s.waited, time.Since(began))
	require.False(t, s.over.Load())
	s.begin()
	s.end(true, time.Hour)
	require.Zero(t, s.waited)
	require.False(t, s.noted.Load())
}
