//go:build linux

package rpc

import (
	"context"
	"encoding/binary"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// slowPeer returns a server, and a client whose queue it attaches to when the test says so.
func slowPeer(t *testing.T) (s *server, p *peer, client *RawClient, attach chan struct{}) {
	t.Helper()
	q := filepath.Join(t.TempDir(), "q")
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 256, SlotSize: 1024}))
	client = dialTest(t, q, nil)
	o, err := (&ServeOptions{Logger: slog.New(slog.DiscardHandler)}).check()
	require.NoError(t, err)
	s = &server{ServeOptions: o, queue: q, peers: &peers{requests: q, counters: o.Counters, known: map[token]*peer{}}}
	p, err = s.peers.use(client.client)
	require.NoError(t, err)
	s.peers.done(p)
	attach = make(chan struct{})
	p.attach = func() (*producer.Raw, error) {
		<-attach
		return p.openRaw()
	}
	return s, p, client, attach
}

// A client that can't be attached to holds up a request once.
func TestSlowAttachHoldsUpNobody(t *testing.T) {
	t.Parallel()
	s, p, client, attach := slowPeer(t)
	ctx, cancel := context.WithTimeout(background, testproc.Patience)
	defer cancel()
	s.AnswerWait = time.Hour
	require.ErrorIs(t, s.attach(ctx, p, within(time.Millisecond)), errSlow)
	require.False(t, p.slow, "its own deadline has ended the wait")
	s.AnswerWait = time.Millisecond
	require.ErrorIs(t, s.attach(ctx, p, &request{call: 2}), errSlow)
	require.True(t, p.slow)
	s.AnswerWait = time.Hour
	for call := range uint64(10) {
		require.ErrorIs(t, s.attach(ctx, p, &request{call: 3 + call}), errSlow)
	}
	require.NoError(t, ctx.Err(), "at once")
	require.EqualValues(t, 12, s.Counters.Dropped.Load())

	// When it has succeeded requests wait again, and the client is told of the others.
	p.mu.Lock()
	trying := p.trying
	p.mu.Unlock()
	close(attach)
	<-trying
	require.NoError(t, s.attach(ctx, p, &request{call: 20}))
	require.False(t, p.slow)
	s.peers.look()
	for range 11 {
		record, err := client.in.Receive(ctx, nil)
		require.NoError(t, err)
		_, a, err := parseAnswer(record)
		require.NoError(t, err)
		require.Equal(t, CodeDropped, a.err.Code)
	}
	s.peers.close()
}

// A server does not wait for its attempts to attach when it ends. They leave when they have ended.
func TestEndDuringASlowAttach(t *testing.T) {
	t.Parallel()
	s, p, client, attach := slowPeer(t)
	s.AnswerWait = time.Millisecond
	require.ErrorIs(t, s.attach(background, p, &request{call: 1}), errSlow)
	p.mu.Lock()
	trying := p.trying
	p.mu.Unlock()
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.peers.close()
	}()
	testproc.Until(t, func() bool {
		select {
		case <-over:
			return true
		default:
			return false
		}
	})
	require.NotNil(t, trying)
	_, err := p.file.Stat()
	require.NoError(t, err, "the attempt needs it")
	close(attach)
	<-trying
	require.Zero(t, senders(t, client.path))
	_, err = p.file.Stat()
	require.Error(t, err)
}

// Clients that have to be told of dropped answers are forgotten too, when there are too many: last,
// and the oldest first.
func TestUntoldClientsAreForgotten(t *testing.T) {
	t.Parallel()
	ps := &peers{known: map[token]*peer{}}
	add := func(n int) *peer {
		p := &peer{}
		binary.BigEndian.PutUint64(p.client[:], uint64(n))
		p.gone, p.end = context.WithCancelCause(background)
		p.seen.Store(int64(n))
		p.lose(1)
		ps.known[p.client] = p
		return p
	}
	first, second := add(1), add(2)
	for n := 3; n <= mostPeers; n++ {
		add(n)
	}
	told, busy := add(mostPeers+1), add(0)
	told.lost, busy.users = nil, 1
	forgotten := func() (n int) {
		for _, p := range []*peer{told, first, second, busy} {
			n *= 10
			if p.dead {
				n++
			}
		}
		return n
	}
	ps.makeRoom() // of two that are too many, and the next one
	require.Len(t, ps.known, mostPeers-1)
	require.Equal(t, 1110, forgotten())
	ps.makeRoom()
	require.Len(t, ps.known, mostPeers-1)
	ps.leaving.Wait()
}
