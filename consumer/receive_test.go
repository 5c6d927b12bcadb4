package consumer_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
)

func TestReceiveAcrossProcesses(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		c := openConsumer(t, q, nil)
		p := testagent.Producer(t, q)
		_, err := c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
		require.ErrorContains(t, err, q)
		p.Sends("one", "two*30", "")
		buf := make([]byte, 0, 8)
		for _, want := range []string{"one", "twotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwotwo", ""} {
			b, err := c.Receive(within(t), buf)
			require.NoError(t, err)
			require.NotNil(t, b)
			require.Equal(t, want, string(b))
		}
		// One that sleeps is woken.
		got := make(chan string)
		go func() {
			b, _ := c.Receive(context.Background(), nil)
			got <- string(b)
		}()
		for range 3 {
			time.Sleep(millisecond) // it may be asleep or not: both have to work
			p.Sends("later")
			require.Equal(t, "later", <-got)
			go func() {
				b, _ := c.Receive(context.Background(), nil)
				got <- string(b)
			}()
		}
		p.Sends("last")
		require.Equal(t, "last", <-got)
	})
}

func TestReceiveUntilItsContextEnds(t *testing.T) {
	q := testagent.Queue(t, nil)
	c := openConsumer(t, q, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 5*millisecond)
	defer cancel()
	_, err := c.Receive(ctx, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, q)

	// A context that has ended already takes nothing, though a record is there.
	p := openProducer(t, q)
	require.NoError(t, p.TrySend([]byte("x")))
	_, err = c.Receive(ctx, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = c.LeaseBatch(ctx, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	b, err := c.TryReceive(nil)
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
}

func TestCancelledReceiveReturnsAtOnce(t *testing.T) {
	c := openConsumer(t, testagent.Queue(t, nil), nil)
	var all []time.Duration
	for range 15 {
		ctx, cancel := context.WithCancel(context.Background())
		at := make(chan time.Time, 1)
		time.AfterFunc(2*millisecond, func() {
			at <- time.Now()
			cancel()
		})
		_, err := c.Receive(ctx, nil)
		all = append(all, time.Since(<-at))
		require.ErrorIs(t, err, context.Canceled)
	}
	slices.Sort(all)
	t.Logf("median %v, worst %v", all[len(all)/2], all[len(all)-1])
	require.Less(t, all[len(all)/2], park.Heartbeat/4)
}

func TestClosedConsumerSaysSo(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p := openProducer(t, q)
	require.NoError(t, p.TrySend([]byte("x")))
	c := openConsumer(t, q, nil)
	l, err := c.TryLease()
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close(), "a second time")
	l.Ack() // void
	l.Release()
	_, err = c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrClosed)
	_, err = c.Receive(within(t), nil)
	require.ErrorIs(t, err, shmq.ErrClosed)
	_, err = c.LeaseBatch(within(t), nil)
	require.ErrorIs(t, err, shmq.ErrClosed)
	require.Equal(t, q, c.Name())
	next := openConsumer(t, q, nil)
	l, err = next.TryLease()
	require.NoError(t, err)
	require.Equal(t, 1, l.Redelivered())
}
