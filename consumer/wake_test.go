package consumer_test

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// A batch wakes one consumer; who takes a record and sees more wakes the next.
func TestOneWakeUpForABatchReachesEverySleeper(t *testing.T) {
	q := testagent.Queue(t, small(shmq.Options{}))
	p := openProducer(t, q)
	var cs []*consumer.Raw
	for range 5 {
		cs = append(cs, openConsumer(t, q, nil))
	}
	stalls := 0
	for range 15 {
		before := waits(t, q)
		got := make(chan consumer.Lease, len(cs))
		ctx := within(t)
		for _, c := range cs {
			go func() {
				if l, err := c.Lease(ctx); err == nil { // one each: nobody works for the others
					got <- l
				}
			}()
		}
		testproc.Until(t, func() bool { return waits(t, q) >= before+uint64(len(cs)) })
		start := time.Now()
		n, err := p.SendBatch(ctx, make([][]byte, len(cs)))
		require.NoError(t, err)
		require.Equal(t, len(cs), n)
		var ls []consumer.Lease
		for range cs {
			ls = append(ls, <-got)
		}
		if time.Since(start) > park.Heartbeat/2 {
			stalls++
		}
		for i := range ls {
			ls[i].Ack()
		}
	}
	require.LessOrEqual(t, stalls, 1)
}

// A producer that closes tells those who wait for the end.
func TestEndIsToldAtOnce(t *testing.T) {
	q := testagent.Queue(t, small(shmq.Options{}))
	c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
	stalls := 0
	for range 15 {
		p := openProducer(t, q)
		require.NoError(t, p.TrySend(nil))
		_, err := c.Receive(within(t), nil)
		require.NoError(t, err)
		before := waits(t, q)
		ended := make(chan error, 1)
		go func() {
			_, err := c.Receive(context.Background(), nil)
			ended <- err
		}()
		testproc.Until(t, func() bool { return waits(t, q) > before })
		start := time.Now()
		require.NoError(t, p.Close())
		require.Equal(t, io.EOF, <-ended)
		if time.Since(start) > park.Heartbeat/2 {
			stalls++
		}
	}
	require.LessOrEqual(t, stalls, 1)
}

// A consumer that gives up just as it is woken for a released record passes the
// wake-up on.
func TestCancelledConsumerPassesAReleasedRecordOn(t *testing.T) {
	q := testagent.Queue(t, small(shmq.Options{}))
	p, holder := openProducer(t, q), openConsumer(t, q, nil)
	giver, stayer := openConsumer(t, q, nil), openConsumer(t, q, nil)
	stalls := 0
	for i := range 80 {
		require.NoError(t, p.TrySend(nil))
		l, err := holder.TryLease()
		require.NoError(t, err)
		before := waits(t, q)
		ctx, cancel := context.WithCancel(within(t))
		var taken atomic.Int32
		take := func(c *consumer.Raw, ctx context.Context, done chan bool) {
			l, err := c.Lease(ctx)
			if err == nil {
				taken.Add(1)
				l.Ack()
			}
			done <- err == nil
		}
		gave, stayed := make(chan bool, 1), make(chan bool, 1)
		go take(giver, ctx, gave) // asleep first, so woken first
		testproc.Until(t, func() bool { return waits(t, q) > before })
		stay, stop := context.WithCancel(within(t))
		go take(stayer, stay, stayed)
		testproc.Until(t, func() bool { return waits(t, q) > before+1 })
		start := time.Now()
		go cancel()
		for range i % 30 { // at about the same time
			runtime.Gosched()
		}
		l.Release()
		if <-gave {
			stop() // it was faster; there is nothing for the other
			<-stayed
		} else {
			require.True(t, <-stayed)
			if time.Since(start) > park.Heartbeat/2 {
				stalls++
			}
		}
		require.EqualValues(t, 1, taken.Load())
		stop()
		cancel()
	}
	require.LessOrEqual(t, stalls, 2)
}

// A single consumer that holds most of the ring and waits for more lets the producer use
// what little is free: otherwise both would sleep until a heartbeat.
func TestAConsumerWithNothingToReceiveWakesForAnyRoom(t *testing.T) {
	const slots = 64
	q := testagent.Queue(t, &shmq.Options{Producers: shmq.One, Consumers: shmq.One, Slots: slots, SlotSize: 64})
	p, c := openProducer(t, q), openConsumer(t, q, nil)
	ls := make([]consumer.Lease, slots)
	for range 5 {
		for range slots {
			require.NoError(t, p.TrySend([]byte("x")))
		}
		n, err := c.LeaseBatch(within(t), ls)
		require.NoError(t, err)
		require.Equal(t, slots, n)
		before := p.Counters().Waits
		sent := make(chan error, 1)
		go func() { sent <- p.Send(within(t), []byte("more")) }()
		testproc.Until(t, func() bool { return p.Counters().Waits > before })
		c.AckBatch(ls[:slots/8])
		l, err := c.Lease(within(t))
		require.NoError(t, err)
		require.Equal(t, "more", string(l.Bytes()))
		require.NoError(t, <-sent)
		l.Ack()
		c.AckBatch(ls[slots/8:])
	}
	require.Positive(t, c.Counters().Wakes, "the producer was left to its heartbeat each time")
}
