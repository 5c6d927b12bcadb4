package attach_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// closing is code of a program that closes a handle when it is called, once.
type closing struct {
	slog.Handler
	codec.Codec
	close func() error
	told  chan error
}

func (c *closing) do() {
	if c.close != nil {
		f := c.close
		c.close = nil
		c.told <- f()
	}
}

func (*closing) Enabled(context.Context, slog.Level) bool { return true }

func (c *closing) Handle(context.Context, slog.Record) error { c.do(); return nil }

func (c *closing) Append(dst []byte, v any) ([]byte, error) { c.do(); return c.Codec.Append(dst, v) }

// Code that a channel's goroutine runs, and that closes the handle, waits for itself: it is told
// so after a while, and when it has returned the handle can be closed.
func TestCloseFromWithinTheGoroutineOfAChannel(t *testing.T) {
	defer attach.SetClosePatience(30 * time.Millisecond)()
	inUse := func(t *testing.T, q string, err error) {
		require.ErrorIs(t, err, shmq.ErrInUse)
		require.ErrorContains(t, err, q)
		require.ErrorContains(t, err, "channel has not ended for")
	}
	open := func(t *testing.T) (string, *closing) {
		return testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64}), &closing{Codec: codec.Bytes(), told: make(chan error, 1)}
	}
	t.Run("log handler", func(t *testing.T) {
		q, program := open(t)
		c, err := consumer.OpenRaw(q, &consumer.Options{Logger: slog.New(program)})
		require.NoError(t, err)
		program.close = c.Close
		testagent.Producer(t, q).Sends("x")
		other := testagent.Consumer(t, q)
		other.Lease(1)
		ch := c.Channel(testagent.Within(t))
		other.Kill() // the goroutine that waits tells of it
		inUse(t, q, <-program.told)
		require.NoError(t, ch.Err(), "it was told to stop")
		require.NoError(t, c.Close())
	})
	t.Run("OnBad", func(t *testing.T) {
		q, program := open(t)
		refused := errors.New("refused")
		c, err := consumer.Open[int](q, &consumer.Options{OnBad: func(*consumer.DecodeError) error { program.do(); return refused }})
		require.NoError(t, err)
		program.close = c.Close
		require.NoError(t, testagent.OpenProducer(t, q).TrySend([]byte("\xc1")))
		ch := c.Channel(testagent.Within(t))
		inUse(t, q, <-program.told)
		require.ErrorIs(t, ch.Err(), refused)
		require.NoError(t, c.Close())
	})
	for name, end := range map[string]func(p *producer.Producer[[]byte]) error{
		"codec, Close":   (*producer.Producer[[]byte]).Close,
		"codec, Finish":  (*producer.Producer[[]byte]).Finish,
		"codec, Abandon": (*producer.Producer[[]byte]).Abandon,
	} {
		t.Run(name, func(t *testing.T) {
			q, program := open(t)
			p, err := producer.Open[[]byte](q, &producer.Options{Codec: program})
			require.NoError(t, err)
			program.close = func() error { return end(p) }
			ch := p.Channel(testagent.Within(t))
			ch.C <- []byte("x")
			inUse(t, q, <-program.told)
			<-ch.Done()
			_, has := ch.Unsent()
			require.Equal(t, ch.Err() != nil, has)
			require.NoError(t, end(p))
			require.ErrorIs(t, p.TrySend(nil), shmq.ErrClosed)
		})
	}
}

// A second Close is not held up by the first, and a goroutine that has ended is forgotten.
func TestTwoEndAChannelAtOnce(t *testing.T) {
	var ch attach.Channel
	require.NoError(t, ch.End())
	done, stopped := make(chan struct{}), make(chan struct{}, 2)
	ch.Begin(func() { stopped <- struct{}{} }, done)
	ended := make(chan error)
	for range 2 {
		go func() { ended <- ch.End() }()
	}
	for range 2 {
		<-stopped // both wait
	}
	told := 0
	require.Panics(t, func() { ch.Begin(func() { told++ }, nil) })
	require.Equal(t, 1, told, "nothing that was made for it hangs on")
	close(done)
	for range 2 {
		require.NoError(t, <-ended)
	}
	ch.Begin(func() { told++ }, done)
	require.NoError(t, ch.End())
	require.Equal(t, 2, told)
}
