package consumer_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// A second goroutine is told, and the first one's call goes on.
func TestTwoGoroutinesAtOnceAreTold(t *testing.T) {
	if testproc.Race {
		t.Skip("the race detector tells it before")
	}
	t.Parallel()
	for name, call := range map[string]func(*consumer.Raw){
		"TryReceive":      func(c *consumer.Raw) { _, _ = c.TryReceive(nil) },
		"Receive":         func(c *consumer.Raw) { _, _ = c.Receive(context.Background(), nil) },
		"TryReceiveBatch": func(c *consumer.Raw) { _, _ = c.TryReceiveBatch(make([][]byte, 1)) },
		"TryLease":        func(c *consumer.Raw) { _, _ = c.TryLease() },
		"Lease":           func(c *consumer.Raw) { _, _ = c.Lease(context.Background()) },
		"TryLeaseBatch":   func(c *consumer.Raw) { _, _ = c.TryLeaseBatch(make([]consumer.Lease, 1)) },
		"AckBatch":        func(c *consumer.Raw) { c.AckBatch(nil) },
	} {
		q := testagent.Queue(t, &shmq.Options{Slots: 16})
		p := openProducer(t, q)
		c := openConsumer(t, q, &consumer.Options{Wait: shmq.Park})
		require.NoError(t, p.TrySend([]byte("a")))
		l, err := c.TryLease()
		require.NoError(t, err)
		got := make(chan []byte)
		go func() {
			b, _ := c.Receive(context.Background(), nil)
			got <- b
		}()
		testproc.Until(t, func() bool { return waits(t, q) > 0 })
		said := told(func() { call(c) })
		require.Contains(t, said, "consumer of queue \""+q+"\" is used by two goroutines at once", name)
		require.Contains(t, said, "consumer.OpenShared")
		require.Contains(t, told(l.Ack), "two goroutines")
		require.NoError(t, p.TrySend([]byte("b")))
		require.Equal(t, "b", string(<-got))
		require.Empty(t, told(func() { call0(c) }), "afterwards it is free")
		l.Ack()
	}
}

func call0(c *consumer.Raw) { _, _ = c.TryReceive(nil) }

// told returns what f panics with.
func told(f func()) (said string) {
	defer func() { said, _ = recover().(string) }()
	f()
	return ""
}

// slow is a codec that stops in the middle until it is told to go on.
type slow struct {
	codec.Codec
	in, on chan bool
}

func (s slow) Decode(src []byte, v any) error {
	s.in <- true
	<-s.on
	return s.Codec.Decode(src, v)
}

func TestTwoGoroutinesInACodecAreTold(t *testing.T) {
	if testproc.Race {
		t.Skip("the race detector tells it before")
	}
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16})
	p := openProducer(t, q)
	for range 4 {
		require.NoError(t, p.TrySend([]byte("a")))
	}
	s := slow{codec.Bytes(), make(chan bool), make(chan bool)}
	c, err := consumer.Open[[]byte](q, &consumer.Options{Codec: s})
	require.NoError(t, err)
	defer c.Close()
	var first sync.WaitGroup
	first.Go(func() { _, _ = c.TryReceive() })
	<-s.in
	require.Contains(t, told(func() { _, _ = c.TryReceive() }), "two goroutines")
	require.Contains(t, told(func() { _, _, _ = c.TryLease() }), "two goroutines")
	s.on <- true
	first.Wait()
}

// A panic of the program's own code in a call ends the call.
func TestPanicInAContextEndsTheCall(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16})
	c := openConsumer(t, q, nil)
	for _, after := range []int{0, 1, 2, 3} {
		require.Equal(t, "no idea", told(func() { _, _ = c.Receive(&rudeContext{Context: within(t), after: after}, nil) }))
		require.Equal(t, "no idea", told(func() { _, _ = c.LeaseBatch(&rudeContext{Context: within(t), after: after}, make([]consumer.Lease, 1)) }))
	}
	require.NoError(t, openProducer(t, q).TrySend([]byte("a")))
	b, err := c.TryReceive(nil)
	require.NoError(t, err)
	require.Equal(t, "a", string(b))
	require.NoError(t, c.Close())
}

// rudeContext panics when it is asked for the so and so manieth time.
type rudeContext struct {
	context.Context
	after int
}

func (c *rudeContext) Err() error {
	if c.after--; c.after < 0 {
		panic("no idea")
	}
	return c.Context.Err()
}
