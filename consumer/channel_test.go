package consumer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// from is the next value of a channel.
func from[T any](t *testing.T, ch *consumer.Channel[T]) (v T, ok bool) {
	t.Helper()
	select {
	case v, ok = <-ch.C:
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing came")
	}
	return v, ok
}

func TestChannelGivesWhatIsSentInOrder(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, c := openProducer(t, q), openConsumer(t, q, &consumer.Options{UntilEOF: true})
		go func() {
			for i := range 100 {
				if err := p.Send(context.Background(), fmt.Append(nil, i)); err != nil {
					panic(err)
				}
			}
			if err := p.Finish(); err != nil {
				panic(err)
			}
		}()
		ch := c.Channel(within(t))
		for i := range 100 {
			b, ok := from(t, ch)
			require.True(t, ok)
			require.Equal(t, fmt.Sprint(i), string(b))
		}
		_, ok := from(t, ch)
		require.False(t, ok)
		require.NoError(t, ch.Err(), "the end of the stream is none")
		require.EqualValues(t, 100, c.Counters().Records)
	})
}

// A record that no reader has taken is back in the queue when the channel has stopped; those
// that were taken are acknowledged.
func TestStoppedChannelGivesBackWhatNobodyTook(t *testing.T) {
	for name, stop := range map[string]func(cancel func(), ch *consumer.Channel[[]byte], c *consumer.Raw) error{
		"stop":    func(_ func(), ch *consumer.Channel[[]byte], _ *consumer.Raw) error { return ch.Stop() },
		"context": func(cancel func(), ch *consumer.Channel[[]byte], _ *consumer.Raw) error { cancel(); return ch.Err() },
		"close":   func(_ func(), ch *consumer.Channel[[]byte], c *consumer.Raw) error { return c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
				q := testagent.Queue(t, small(o))
				p, c := openProducer(t, q), openConsumer(t, q, nil)
				for i := range 5 {
					require.NoError(t, p.TrySend(fmt.Append(nil, i)))
				}
				ctx, cancel := context.WithCancel(within(t))
				ch := c.Channel(ctx)
				for i := range 2 {
					b, ok := from(t, ch)
					require.True(t, ok)
					require.Equal(t, fmt.Sprint(i), string(b))
				}
				testproc.Until(t, func() bool { // the next one is on offer
					info, err := shmq.Stat(q)
					require.NoError(t, err)
					return info.Leased == 1
				})
				err := stop(cancel, ch, c)
				if name == "context" {
					require.ErrorIs(t, err, context.Canceled)
				} else {
					require.NoError(t, err)
				}
				_, ok := from(t, ch)
				require.False(t, ok, "closed")
				if name != "close" { // the consumer is the caller's, and has what was on offer
					l, err := c.TryLease()
					require.NoError(t, err)
					require.Equal(t, "2", string(l.Bytes()))
					l.Release()
				}
				require.NoError(t, c.Close())
				again := openConsumer(t, q, nil)
				for i := 2; i < 5; i++ {
					l, err := again.TryLease()
					require.NoError(t, err)
					require.Equal(t, fmt.Sprint(i), string(l.Bytes()))
					l.Ack()
				}
				_, err = again.TryLease()
				require.ErrorIs(t, err, shmq.ErrEmpty)
			})
		})
	}
}

func TestConsumerIsTheCallersAfterStop(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p, c := openProducer(t, q), openConsumer(t, q, nil)
	ch := c.Channel(t.Context())
	require.Panics(t, func() { c.Channel(t.Context()) })
	require.NoError(t, ch.Stop())
	require.NoError(t, ch.Stop())
	require.NoError(t, p.TrySend([]byte("x")))
	_, err := c.TryReceive(nil)
	require.NoError(t, err)
	for range 50 {
		ch := c.Channel(t.Context())
		require.NoError(t, p.TrySend([]byte("x")))
		_, ok := from(t, ch)
		require.True(t, ok)
		require.NoError(t, ch.Stop())
	}
}

func TestErrorsEndAChannel(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p := openProducer(t, q)
	c, err := consumer.Open[int](q, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	require.NoError(t, p.TrySend([]byte{7}))
	require.NoError(t, p.TrySend([]byte("\xc1")))
	require.NoError(t, p.TrySend([]byte{8}))
	ch := c.Channel(within(t))
	v, ok := from(t, ch)
	require.True(t, ok)
	require.Equal(t, 7, v)
	_, ok = from(t, ch)
	require.False(t, ok)
	var bad *consumer.DecodeError
	require.ErrorAs(t, ch.Err(), &bad)
	require.Equal(t, "\xc1", string(bad.Record))
	ch = c.Channel(within(t))
	v, ok = from(t, ch)
	require.True(t, ok)
	require.Equal(t, 8, v)
	require.NoError(t, shmq.ForceRemove(q))
	_, ok = from(t, ch)
	require.False(t, ok)
	require.ErrorIs(t, ch.Stop(), shmq.ErrRemoved)
}

// A codec that ends the goroutine is no end of the stream, and the record comes again.
func TestCodecThatEndsTheGoroutineOfAChannel(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p := openProducer(t, q)
		c, err := consumer.Open[[]byte](q, &consumer.Options{Codec: rude{codec.Bytes()}})
		require.NoError(t, err)
		for _, record := range []string{"good", "exit"} {
			require.NoError(t, p.TrySend([]byte(record)))
		}
		ch := c.Channel(within(t))
		v, ok := from(t, ch)
		require.True(t, ok)
		require.Equal(t, "good", string(v))
		_, ok = from(t, ch)
		require.False(t, ok)
		require.ErrorContains(t, ch.Err(), "Goexit")
		require.ErrorContains(t, ch.Stop(), "Goexit")
		require.NoError(t, c.Close())
		l, err := openConsumer(t, q, nil).TryLease()
		require.NoError(t, err)
		require.Equal(t, "exit", string(l.Bytes()))
		l.Ack()
	})
}

// Channels of several queues and one to send to, in one select.
func TestChannelsInASelect(t *testing.T) {
	t.Parallel()
	a, b, out := testagent.Queue(t, small(shmq.Options{})), testagent.Queue(t, small(shmq.Options{})), testagent.Queue(t, small(shmq.Options{}))
	pa, pb := openProducer(t, a), openProducer(t, b)
	ca, cb := openConsumer(t, a, nil), openConsumer(t, b, nil)
	po, err := producer.OpenRaw(out, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, po.Close()) }()
	co := openConsumer(t, out, nil)
	fromA, fromB, to := ca.Channel(within(t)), cb.Channel(within(t)), po.Channel(within(t))
	for range 200 {
		require.NoError(t, pa.Send(within(t), []byte("a")))
		require.NoError(t, pb.Send(within(t), []byte("b")))
		got := ""
		for len(got) < 2 {
			var rec []byte
			select {
			case rec = <-fromA.C:
			case rec = <-fromB.C:
			}
			select {
			case to.C <- rec:
			case <-to.Done():
				require.NoError(t, to.Err())
			}
			b, err := co.Receive(within(t), nil)
			require.NoError(t, err)
			got += string(b)
		}
		require.Contains(t, []string{"ab", "ba"}, got)
	}
	require.NoError(t, fromA.Stop())
	require.NoError(t, fromB.Stop())
	require.NoError(t, to.Stop())
}
