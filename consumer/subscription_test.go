package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// broadcast makes a queue of which each consumer gets every record.
func broadcast(t *testing.T, o shmq.Options) string {
	t.Helper()
	o.Consumers = shmq.Each
	if o.Slots == 0 {
		o.Slots, o.SlotSize = 8, 64
	}
	return testagent.Queue(t, &o)
}

// subscriber starts a process that subscribes.
func subscriber(t *testing.T, q, args string) *testagent.Agent {
	t.Helper()
	a := testagent.New(t)
	a.Do("subscribe %s %s", q, args)
	return a
}

// sends sends records 0 to n-1 from a goroutine of its own, and closes done.
func sends(t *testing.T, q string, n int) (done chan error) {
	t.Helper()
	p := openProducer(t, q)
	done = make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			err = p.Send(context.Background(), fmt.Appendf(nil, "%d", i))
		}
		done <- err
	}()
	return done
}

func receives(t *testing.T, c *consumer.Raw, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		b, err := c.Receive(testagent.Within(t), nil)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(b))
	}
}

func TestEachConsumerGetsEveryRecord(t *testing.T) {
	t.Parallel()
	for _, producers := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		for _, policy := range []shmq.WaitPolicy{shmq.SpinThenPark, shmq.Park} {
			q := broadcast(t, shmq.Options{Producers: producers})
			all := make([]*consumer.Raw, 3)
			for i := range all {
				all[i] = openConsumer(t, q, &consumer.Options{Wait: policy})
			}
			done := sends(t, q, 1000)
			errs := make(chan error, len(all))
			for _, c := range all {
				go func() {
					for i := range 1000 {
						b, err := c.Receive(context.Background(), nil)
						if err == nil && string(b) != fmt.Sprint(i) {
							err = fmt.Errorf("got %s, want %d", b, i)
						}
						if err != nil {
							errs <- err
							return
						}
					}
					errs <- nil
				}()
			}
			for range all {
				require.NoError(t, <-errs)
			}
			require.NoError(t, <-done)
		}
	}
}

// A subscriber that is killed, wherever it is, holds nobody up.
func TestKilledSubscriberHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{})
	a := subscriber(t, q, "newest")
	done := sends(t, q, 100)
	a.Lease(1)
	testproc.Until(t, func() bool { i, err := shmq.Stat(q); return err == nil && i.Full && i.ProducersAsleep })
	a.Kill()
	require.NoError(t, <-done)
	c := openConsumer(t, q, nil)
	_, err := c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrEmpty)
}

// One that is stopped is waited for, and loses nothing.
func TestStoppedSubscriberIsWaitedFor(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{Producers: shmq.One})
	a, c := subscriber(t, q, "newest"), openConsumer(t, q, nil)
	a.Stop()
	done := sends(t, q, 20)
	receives(t, c, 0, 8)
	select {
	case err := <-done:
		t.Fatalf("the producer went on: %v", err)
	case <-time.After(300 * time.Millisecond): // three heartbeats
	}
	a.Continue()
	for i := range 20 {
		require.Equal(t, []testagent.Record{{Data: fmt.Sprint(i)}}, a.Lease(1))
		a.Do("ack %d", i)
		if i >= 8 {
			receives(t, c, i, i+1)
		}
	}
	require.NoError(t, <-done)
}

// A durable subscription stays when its process is gone, and is taken over where it was
// acknowledged.
func TestDurableSubscription(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{})
	a := subscriber(t, q, "newest audit")
	_, err := consumer.OpenRaw(q, &consumer.Options{Subscription: "audit"})
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.ErrorContains(t, err, fmt.Sprintf("subscription audit is that of pid %d", a.PID()))
	done := sends(t, q, 20)
	for range 3 {
		a.Lease(1)
	}
	a.Do("ack 0")
	a.Kill()
	select {
	case err := <-done:
		t.Fatalf("the producer did not wait for it: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	c := openConsumer(t, q, &consumer.Options{Subscription: "audit"})
	for i := 1; i < 20; i++ {
		l, err := c.Lease(testagent.Within(t))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(l.Bytes()))
		require.Equal(t, i < 3, l.Redelivered() > 0, "record %d", i)
		l.Ack()
	}
	require.NoError(t, <-done)
	require.NoError(t, c.Close())

	// It is still there, and fills the queue.
	p := openProducer(t, q)
	for range 8 {
		require.NoError(t, p.TrySend([]byte("x")))
	}
	require.ErrorIs(t, p.TrySend([]byte("x")), shmq.ErrFull)
	c = openConsumer(t, q, &consumer.Options{Subscription: "audit"})
	_, err = c.TryReceive(nil)
	require.NoError(t, err)
	require.NoError(t, p.TrySend([]byte("x")))
}

func TestBadSubscriptions(t *testing.T) {
	t.Parallel()
	shared := testagent.Queue(t, nil)
	for _, o := range []consumer.Options{{From: consumer.Oldest}, {Subscription: "x"}} {
		_, err := consumer.OpenRaw(shared, &o)
		require.ErrorIs(t, err, shmq.ErrOption)
		require.ErrorContains(t, err, "--consumers each")
	}
	q := broadcast(t, shmq.Options{Subscriptions: 2})
	_, err := consumer.OpenRaw(q, &consumer.Options{Subscription: "a\x1b[2J"})
	require.ErrorIs(t, err, shmq.ErrOption)
	openConsumer(t, q, nil)
	b := openConsumer(t, q, nil)
	_, err = consumer.OpenRaw(q, nil)
	require.ErrorIs(t, err, shmq.ErrNoSeat)
	require.ErrorContains(t, err, "all 2 subscriptions")
	require.NoError(t, b.Close())
	openConsumer(t, q, nil)
}

// From the oldest record: what is kept, and the end of the stream behind it.
func TestFromOldest(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{Slots: 64, SlotSize: 64, Keep: 64})
	p := openProducer(t, q)
	for i := range 100 {
		require.NoError(t, p.TrySend(fmt.Appendf(nil, "%d", i)))
	}
	require.NoError(t, p.Finish())
	require.NoError(t, p.Close())
	for range 2 { // for each of them
		c := openConsumer(t, q, &consumer.Options{From: consumer.Oldest, UntilEOF: true})
		receives(t, c, 36, 100)
		_, err := c.Receive(testagent.Within(t), nil)
		require.Equal(t, io.EOF, err)
	}
	c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
	_, err := c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrEmpty, "one that begins now waits for the next stream")
}

// Each subscriber is told the end, one that was away too.
func TestEndOfStreamForEach(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{})
	durable := openConsumer(t, q, &consumer.Options{Subscription: "d", UntilEOF: true})
	require.NoError(t, durable.Close())
	all := []*consumer.Raw{openConsumer(t, q, &consumer.Options{UntilEOF: true}), openConsumer(t, q, &consumer.Options{UntilEOF: true})}
	p := testagent.Producer(t, q)
	p.Sends("0", "1")
	p.Kill()
	all = append(all, openConsumer(t, q, &consumer.Options{Subscription: "d", UntilEOF: true}))
	for _, c := range all {
		receives(t, c, 0, 2)
		_, err := c.Receive(testagent.Within(t), nil)
		require.ErrorIs(t, err, shmq.ErrBrokenOff)
	}
}

// Where producers wait for nobody, one that falls behind is told what it lost.
func TestLagging(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{Skip: true, Slots: 64, SlotSize: 64})
	c := openConsumer(t, q, nil)
	require.NoError(t, <-sends(t, q, 1000))
	_, err := c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrLagged)
	var lagged *consumer.LaggedError
	require.ErrorAs(t, err, &lagged)
	require.ErrorContains(t, err, q)
	require.Zero(t, lagged.From)
	require.Equal(t, lagged.To, lagged.Lost)
	require.Equal(t, lagged.Lost, c.Lost())
	receives(t, c, int(lagged.To), 1000)
	_, err = c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrEmpty)

	waits := make(chan error)
	go func() {
		_, err := c.Receive(testagent.Within(t), nil)
		waits <- err
	}()
	testproc.Until(t, func() bool { return c.Counters().Waits > 0 })
	require.Equal(t, lagged.Lost, c.Lost(), "while another goroutine waits in a call")
	require.NoError(t, <-sends(t, q, 1))
	require.NoError(t, <-waits)
}

// Subscribers that come, and are killed, hold the others up for a heartbeat at most;
// tests/killpoint has each instruction.
func TestSubscribersComeAndAreKilled(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{Slots: 16, SlotSize: 64, Subscriptions: 4})
	c := openConsumer(t, q, nil)
	for range 5 {
		done := sends(t, q, 300)
		a := subscriber(t, q, "oldest")
		a.Say("sink")
		receives(t, c, 0, 100)
		a.Kill()
		receives(t, c, 100, 300)
		require.NoError(t, <-done)
	}
}

// A loop over a queue whose producers do not wait gets what was lost as an error, and goes on; a body
// that breaks out of it at the error ends it.
func TestAllGoesOnBehindWhatWasLost(t *testing.T) {
	t.Parallel()
	lapped := func() (*consumer.Raw, *producer.Raw) {
		q := broadcast(t, shmq.Options{Skip: true, Slots: 16, SlotSize: 64})
		c := openConsumer(t, q, &consumer.Options{UntilEOF: true})
		p := openProducer(t, q)
		for i := range 100 {
			require.NoError(t, p.TrySend(fmt.Appendf(nil, "%d", i)))
		}
		return c, p
	}
	c, p := lapped()
	require.NoError(t, p.Finish())
	next, lags := 0, 0
	for b, err := range c.All(testagent.Within(t)) {
		var lagged *consumer.LaggedError
		if errors.As(err, &lagged) {
			require.EqualValues(t, next, lagged.From)
			require.Nil(t, b)
			next = int(lagged.To)
			lags++
			continue
		}
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(next), string(b))
		next++
	}
	require.Equal(t, 100, next, "to the end of the stream")
	require.Equal(t, 1, lags)

	c, _ = lapped()
	turns := 0
	for _, err := range c.All(testagent.Within(t)) {
		require.ErrorIs(t, err, shmq.ErrLagged)
		turns++
		break
	}
	require.Equal(t, 1, turns)
	_, err := c.TryReceive(nil)
	require.NoError(t, err, "what follows is there")
}

// The same for values, and a channel, which ends and can be begun again.
func TestTypedLoopsGoOnBehindWhatWasLost(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{Skip: true, Slots: 16, SlotSize: 64})
	open := func() *consumer.Consumer[int] {
		c, err := consumer.Open[int](q, &consumer.Options{UntilEOF: true})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	a, b := open(), open()
	p, err := producer.Open[int](q, nil)
	require.NoError(t, err)
	for i := range 100 {
		require.NoError(t, p.TrySend(i))
	}
	require.NoError(t, p.Finish())
	next := 0
	for v, err := range a.All(testagent.Within(t)) {
		var lagged *consumer.LaggedError
		if errors.As(err, &lagged) {
			next = int(lagged.To)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, next, v)
		next++
	}
	require.Equal(t, 100, next)

	ch := b.Channel(testagent.Within(t))
	_, ok := <-ch.C
	require.False(t, ok)
	var lagged *consumer.LaggedError
	require.ErrorAs(t, ch.Err(), &lagged)
	ch = b.Channel(testagent.Within(t))
	next = int(lagged.To)
	for v := range ch.C {
		require.Equal(t, next, v)
		next++
	}
	require.NoError(t, ch.Err())
	require.Equal(t, 100, next)
}

type panicking struct{ slog.Handler }

func (panicking) Handle(context.Context, slog.Record) error { panic("a logger") }

// An Open that fails after it has subscribed takes the durable subscription along that it made: here
// because a logger panics that is told of a dead participant. One that was there before stays.
func TestAFailedOpenLeavesNoSubscription(t *testing.T) {
	t.Parallel()
	q := broadcast(t, shmq.Options{})
	fails := func() {
		t.Helper()
		a := subscriber(t, q, "newest")
		a.Kill()
		o := &consumer.Options{Subscription: "x", Logger: slog.New(panicking{slog.NewTextHandler(io.Discard, nil)})}
		require.PanicsWithValue(t, "a logger", func() { _, _ = consumer.OpenRaw(q, o) })
	}
	names := func() (all []string) {
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		for _, s := range info.Subscriptions {
			if s.Durable {
				all = append(all, s.Name)
			}
		}
		return all
	}
	fails()
	require.Empty(t, names())
	done := sends(t, q, 100)
	require.NoError(t, <-done, "nobody is waited for")

	c := openConsumer(t, q, &consumer.Options{Subscription: "x"})
	require.NoError(t, c.Close())
	fails()
	require.Equal(t, []string{"x"}, names())
}

// The end of a stream whose producer was killed, and that nobody has noted, is not for a subscription
// that begins behind it.
func TestEndBeforeASubscriptionIsNotToldToIt(t *testing.T) {
	t.Parallel()
	for _, from := range []consumer.From{consumer.Newest, consumer.Oldest} {
		q := broadcast(t, shmq.Options{Keep: 4})
		p := testagent.Producer(t, q)
		p.Sends("0", "1")
		p.Kill()
		c := openConsumer(t, q, &consumer.Options{UntilEOF: true, From: from})
		if from == consumer.Oldest {
			receives(t, c, 0, 2)
			_, err := c.TryReceive(nil)
			require.ErrorIs(t, err, shmq.ErrBrokenOff)
			continue
		}
		_, err := c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
	}
}
