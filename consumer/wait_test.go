package consumer_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

func TestWaitPolicies(t *testing.T) {
	for _, policy := range []shmq.WaitPolicy{shmq.SpinThenPark, shmq.Spin, shmq.Park} {
		t.Run(policy.String(), func(t *testing.T) {
			q := testagent.Queue(t, small(shmq.Options{Producers: shmq.One, Consumers: shmq.One}))
			p, err := producer.OpenRaw(q, &producer.Options{Wait: policy})
			require.NoError(t, err)
			defer p.Close()
			c := openConsumer(t, q, &consumer.Options{Wait: policy})

			soon, cancel := context.WithTimeout(context.Background(), 30*millisecond)
			_, err = c.Receive(soon, nil)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, "waiting for a record ends")
			waited := c.Counters().Waits
			require.Equal(t, policy != shmq.Spin, waited > 0, "%d sleeps", waited)

			for p.TrySend([]byte("x")) == nil {
			}
			soon, cancel = context.WithTimeout(context.Background(), 30*millisecond)
			err = p.Send(soon, []byte("x"))
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, "waiting for room ends")
			require.Equal(t, policy != shmq.Spin, p.Counters().Waits > 0)

			done := make(chan error)
			go func() { done <- p.Send(within(t), []byte("last")) }()
			for range 16 {
				_, err := c.Receive(within(t), nil)
				require.NoError(t, err)
			}
			require.NoError(t, <-done)
			b, err := c.Receive(within(t), nil)
			require.NoError(t, err)
			require.Equal(t, "last", string(b))
		})
	}
}

func TestSpinSeesTheEndOfTheStream(t *testing.T) {
	q := testagent.Queue(t, nil)
	p := openProducer(t, q)
	c := openConsumer(t, q, &consumer.Options{Wait: shmq.Spin, UntilEOF: true})
	done := make(chan error, 1)
	go func() {
		time.Sleep(20 * millisecond) // the consumer spins meanwhile; right without it too
		done <- p.Finish()
	}()
	_, err := c.Receive(within(t), nil)
	require.NoError(t, <-done)
	require.ErrorIs(t, err, io.EOF)
}

func TestUnknownWaitPolicyIsRefused(t *testing.T) {
	q := testagent.Queue(t, nil)
	_, err := consumer.OpenRaw(q, &consumer.Options{Wait: 7})
	require.ErrorIs(t, err, shmq.ErrOption)
	_, err = producer.OpenRaw(q, &producer.Options{Wait: 7})
	require.ErrorIs(t, err, shmq.ErrOption)
	var w shmq.WaitPolicy
	require.NoError(t, w.UnmarshalText([]byte("park")))
	require.Equal(t, shmq.Park, w)
	require.ErrorIs(t, w.UnmarshalText([]byte("nap")), shmq.ErrOption)
}
