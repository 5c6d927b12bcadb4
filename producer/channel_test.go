package producer_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

func TestChannelSendsWhatItTakes(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize = 16, 64
		q := testagent.Queue(t, &o)
		p, c := testagent.OpenProducer(t, q), testagent.OpenConsumer(t, q, nil)
		ch := p.Channel(testagent.Within(t))
		go func() {
			for i := range 200 {
				ch.C <- fmt.Append(nil, i)
			}
			close(ch.C)
		}()
		for i := range 200 {
			b, err := c.Receive(testagent.Within(t), nil)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), string(b))
		}
		require.NoError(t, ch.Err(), "it was closed")
		_, has := ch.Unsent()
		require.False(t, has)
	})
}

// A full queue takes nothing from the channel, and one with room does.
func TestChannelTakesWhatTheQueueHasRoomFor(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize = 16, 64
		q := testagent.Queue(t, &o)
		p, c := testagent.OpenProducer(t, q), testagent.OpenConsumer(t, q, nil)
		ch := p.Channel(testagent.Within(t))
		for range 16 {
			ch.C <- []byte("x")
		}
		select {
		case ch.C <- []byte("x"):
			require.Fail(t, "it has no room")
		case <-time.After(20 * time.Millisecond):
		}
		for range 16 {
			_, err := c.Receive(testagent.Within(t), nil)
			require.NoError(t, err)
		}
		select {
		case ch.C <- []byte("x"):
		case <-time.After(10 * time.Second):
			require.Fail(t, "it has room")
		}
		require.NoError(t, ch.Stop())
		require.NoError(t, ch.Stop())
		b, err := c.TryReceive(nil)
		require.NoError(t, err, "what was taken is sent when Stop returns")
		require.Equal(t, "x", string(b))
		require.NoError(t, p.TrySend([]byte("mine")), "the producer is the caller's")
	})
}

// A value that was taken and can't be sent is not lost.
func TestUnsentValue(t *testing.T) {
	for name, end := range map[string]func(cancel func(), p *producer.Raw) error{
		"context": func(cancel func(), _ *producer.Raw) error { cancel(); return nil },
		"close":   func(_ func(), p *producer.Raw) error { return p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
			p := testagent.OpenProducer(t, q)
			for range 15 {
				require.NoError(t, p.TrySend([]byte("x")))
			}
			ctx, cancel := context.WithCancel(testagent.Within(t))
			defer cancel()
			ch := p.Channel(ctx)
			large := make([]byte, 256) // there is room for a record, and not for this one
			ch.C <- large
			before := p.Counters().Waits
			require.Eventually(t, func() bool { return p.Counters().Waits > before }, 10*time.Second, time.Millisecond)
			require.NoError(t, end(cancel, p))
			<-ch.Done()
			v, has := ch.Unsent()
			require.True(t, has)
			require.Equal(t, large, v)
			require.Error(t, ch.Err())
		})
	}
}

// Stop sends what was taken, though it has to wait for room.
func TestStopWaitsForWhatWasTaken(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	p, c := testagent.OpenProducer(t, q), testagent.OpenConsumer(t, q, nil)
	for range 15 {
		require.NoError(t, p.TrySend([]byte("x")))
	}
	ch := p.Channel(testagent.Within(t))
	before := p.Counters().Waits
	ch.C <- make([]byte, 256)
	require.Eventually(t, func() bool { return p.Counters().Waits > before }, 10*time.Second, time.Millisecond)
	ch.Halt() // as Stop does first
	stopped := make(chan error, 1)
	go func() { stopped <- ch.Stop() }()
	for range 15 {
		_, err := c.Receive(testagent.Within(t), nil)
		require.NoError(t, err)
	}
	b, err := c.Receive(testagent.Within(t), nil)
	require.NoError(t, err)
	require.Len(t, b, 256)
	require.NoError(t, <-stopped)
}

func TestErrorsEndAChannel(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	p, err := producer.Open[any](q, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	c := testagent.OpenConsumer(t, q, nil)
	ch := p.Channel(testagent.Within(t))
	require.Panics(t, func() { p.Channel(t.Context()) })
	ch.C <- 7
	ch.C <- func() {} // can't be encoded
	<-ch.Done()
	_, has := ch.Unsent()
	require.True(t, has)
	require.Error(t, ch.Stop())
	require.NoError(t, shmq.ForceRemove(q))
	ch = p.Channel(testagent.Within(t))
	for stopped := false; !stopped; { // as Send, it learns it within a heartbeat
		select {
		case ch.C <- 7:
			_, err := c.TryReceive(nil)
			require.NoError(t, err)
		case <-ch.Done():
			stopped = true
		}
	}
	require.ErrorIs(t, ch.Err(), shmq.ErrRemoved)
}

// rude is a codec that ends the goroutine.
type rude struct{ codec.Codec }

func (r rude) Append(dst []byte, v any) ([]byte, error) {
	if *v.(*int) == 7 {
		runtime.Goexit()
	}
	return r.Codec.Append(dst, v)
}

// A codec that ends the goroutine does not lose the value, and does not look like an end in order.
func TestCodecThatEndsTheGoroutineOfAChannel(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	p, err := producer.Open[int](q, &producer.Options{Codec: rude{codec.Msgpack()}})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	ch := p.Channel(testagent.Within(t))
	ch.C <- 6
	ch.C <- 7
	<-ch.Done()
	v, has := ch.Unsent()
	require.True(t, has)
	require.Equal(t, 7, v)
	require.ErrorContains(t, ch.Err(), "Goexit")
	require.NoError(t, p.TrySend(8), "the producer is the caller's")
}

// quits is a log handler that ends the goroutine.
type quits struct{ slog.Handler }

func (quits) Enabled(context.Context, slog.Level) bool { return true }

func (quits) Handle(context.Context, slog.Record) error { runtime.Goexit(); return nil }

// Neither does a log handler that ends the goroutine while it waits for room.
func TestLogHandlerThatEndsTheGoroutineOfAChannel(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	other := testagent.Producer(t, q)
	p, err := producer.OpenRaw(q, &producer.Options{Logger: slog.New(quits{})})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	fill(t, p, 1)
	ch := p.Channel(testagent.Within(t))
	other.Kill() // the goroutine that waits tells of it
	require.ErrorContains(t, ch.Err(), "Goexit")
	_, has := ch.Unsent()
	require.False(t, has)
}
