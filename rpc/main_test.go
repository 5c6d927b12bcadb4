//go:build linux

package rpc_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/rpc"
)

func TestMain(m *testing.M) { testproc.Main(m, roles) }

// queue makes a request queue.
func queue(t testing.TB) string {
	return testagent.Queue(t, &shmq.Options{Slots: 256, SlotSize: 256})
}

// running is a server in this process.
type running struct {
	t      testing.TB
	cancel context.CancelFunc
	done   chan error
	counts *rpc.Counters
	log    *lines
}

func begin(t testing.TB, q string, o rpc.ServeOptions, handle func(context.Context, []byte) ([]byte, error)) *running {
	s := &running{t: t, done: make(chan error, 1), counts: new(rpc.Counters), log: &lines{}}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	o.Counters, o.Logger = s.counts, slog.New(slog.NewTextHandler(s.log, nil))
	go func() { s.done <- rpc.ServeRaw(ctx, q, &o, handle) }()
	t.Cleanup(func() { s.cancel() })
	testproc.Until(t, func() bool { return servers(t, q) > 0 })
	return s
}

// end ends the server, which has to succeed.
func (s *running) end() {
	s.t.Helper()
	s.cancel()
	require.NoError(s.t, <-s.done)
}

func servers(t testing.TB, q string) (n int) {
	info, err := shmq.Stat(q)
	if err != nil {
		return 0
	}
	for _, p := range info.Participants {
		if p.Role == shmq.Consumer && p.Alive {
			n++
		}
	}
	return n
}

type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func dial(t testing.TB, q string, o *rpc.DialOptions) *rpc.RawClient {
	t.Helper()
	c, err := rpc.DialRaw(q, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func echo(_ context.Context, b []byte) ([]byte, error) { return b, nil }

var background = context.Background()
