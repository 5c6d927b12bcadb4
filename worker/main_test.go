package worker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/worker"
	"github.com/shmq/shmq/worker/deadletter"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{"worker": killable, "bury": bury})
}

// eachSide runs a test for a single consumer and for many.
func eachSide(t *testing.T, f func(t *testing.T, q string)) {
	for _, side := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		t.Run(side.String(), func(t *testing.T) {
			t.Parallel()
			f(t, testagent.Queue(t, &shmq.Options{Consumers: side, Slots: 64, SlotSize: 256}))
		})
	}
}

func single(t *testing.T, q string) bool {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	return info.Consumers == shmq.One
}

// queue makes a queue for many, and the name of one for its dead letters.
func queue(t *testing.T) (q, dead string) {
	return testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 256}), testagent.Name(t)
}

func send(t *testing.T, q string, vs ...string) {
	t.Helper()
	p, err := producer.Open[string](q, nil)
	require.NoError(t, err)
	_, err = p.SendBatch(context.Background(), vs)
	require.NoError(t, err)
	require.NoError(t, p.Close())
}

func sendRaw(t *testing.T, q string, rs ...string) {
	t.Helper()
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	for _, r := range rs {
		require.NoError(t, p.Send(context.Background(), []byte(r)))
	}
	require.NoError(t, p.Close())
}

// left takes what is in a queue: the records, and how often each was delivered before.
func left(t *testing.T, q string) (rs []string, again []int) {
	t.Helper()
	c, err := consumer.OpenRaw(q, &consumer.Options{NoCreate: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	for {
		l, err := c.TryLease()
		if err != nil {
			require.True(t, errors.Is(err, shmq.ErrEmpty) || err.Error() == "EOF", "%v", err)
			return rs, again
		}
		rs, again = append(rs, string(l.Bytes())), append(again, l.Redelivered())
		l.Ack()
	}
}

// letters takes the dead letters of a queue.
func letters(t *testing.T, q string) (ls []*deadletter.Letter) {
	t.Helper()
	rs, _ := left(t, q)
	for _, r := range rs {
		l, err := deadletter.Parse([]byte(r))
		require.NoError(t, err)
		ls = append(ls, l)
	}
	return ls
}

// untilEOF makes a worker end when the queue is drained.
func untilEOF[T any](o worker.Options[T]) *worker.Options[T] {
	o.Consumer.UntilEOF = true
	return &o
}

// running is a worker at work.
type running struct {
	t      *testing.T
	cancel context.CancelFunc
	done   chan error
}

// begin starts a worker on strings.
func begin(t *testing.T, q string, o *worker.Options[string], handle func(context.Context, worker.Record[string]) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t, cancel, make(chan error, 1)}
	go func() { r.done <- worker.Run(ctx, q, o, handle) }()
	t.Cleanup(func() {
		cancel()
		r.done <- <-r.done // it has ended
	})
	return r
}

// ends waits for the end of the worker and returns its error.
func (r *running) ends() error {
	r.t.Helper()
	var err error
	testproc.Until(r.t, func() bool {
		select {
		case err = <-r.done:
			r.done <- err
			return true
		default:
			return false
		}
	})
	return err
}

// gates are what handlers wait at until the test opens them.
type gates struct {
	mu    sync.Mutex
	doors map[string]chan struct{}
	here  map[string]int
}

func newGates() *gates { return &gates{doors: map[string]chan struct{}{}, here: map[string]int{}} }

func (g *gates) door(name string) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.doors[name] == nil {
		g.doors[name] = make(chan struct{})
	}
	return g.doors[name]
}

// pass says that a handler is here, and waits.
func (g *gates) pass(name string) {
	door := g.door(name)
	g.mu.Lock()
	g.here[name]++
	g.mu.Unlock()
	<-door
}

func (g *gates) open(names ...string) {
	for _, n := range names {
		close(g.door(n))
	}
}

// at reports whether handlers are, or were, at all of these.
func (g *gates) at(names ...string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range names {
		if g.here[n] == 0 {
			return false
		}
	}
	return true
}

func until(t *testing.T, holds func() bool) {
	t.Helper()
	testproc.Until(t, holds)
}

// acknowledged says how many records the only consumer of the queue has acknowledged.
func acknowledged(t *testing.T, q string) uint64 {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	n := uint64(0)
	for _, p := range info.Participants {
		if p.Role == shmq.Consumer {
			n += p.Records
		}
	}
	return n
}

// newLog returns a logger, and what it has logged.
func newLog() (*slog.Logger, func() string) {
	b := &logBuffer{}
	return slog.New(slog.NewTextHandler(b, nil)), b.text
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
