package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/worker"
)

// each makes a queue of which each consumer gets every record, with a durable subscription.
func each(t *testing.T, o shmq.Options) string {
	t.Helper()
	o.Consumers, o.Slots, o.SlotSize = shmq.Each, 16, 64
	q := testagent.Queue(t, &o)
	subscribe(t, q, "work")
	return q
}

func subscribe(t *testing.T, q, name string) {
	t.Helper()
	c, err := consumer.OpenRaw(q, &consumer.Options{Subscription: name})
	require.NoError(t, err)
	require.NoError(t, c.Close())
}

// numbered collects what a handler is called for, by any goroutine.
type numbered struct {
	mu  sync.Mutex
	all []int
}

func (n *numbered) add(s string) {
	i, err := strconv.Atoi(s)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		i = -1
	}
	n.all = append(n.all, i)
}

func (n *numbered) sorted() []int { return slices.Sorted(slices.Values(n.all)) }

func numbers(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func texts(from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// Two workers of such a queue each get every record, several at a time.
func TestEachWorkerGetsEveryRecord(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		q := each(t, shmq.Options{Skip: skip})
		subscribe(t, q, "other")
		send(t, q, texts(0, 10)...)
		for _, name := range []string{"work", "other"} {
			var got numbered
			o := untilEOF(worker.Options[string]{Jobs: 3, Consumer: consumer.Options{Subscription: name}})
			require.NoError(t, worker.Run(context.Background(), q, o, func(_ context.Context, r worker.Record[string]) error {
				got.add(r.Value)
				return nil
			}))
			require.Equal(t, numbers(0, 10), got.sorted())
		}
	}
}

// A record that fails ends the worker, and is the first that the next worker of the same durable
// subscription gets, flagged.
func TestAFailureStaysInADurableSubscription(t *testing.T) {
	t.Parallel()
	q := each(t, shmq.Options{})
	send(t, q, texts(0, 6)...)
	o := untilEOF(worker.Options[string]{Retries: -1, Consumer: consumer.Options{Subscription: "work"}})
	err := worker.Run(context.Background(), q, o, func(_ context.Context, r worker.Record[string]) error {
		if r.Value == "2" {
			return errBad
		}
		return nil
	})
	require.ErrorIs(t, err, errBad)
	var got numbered
	again := map[string]int{}
	require.NoError(t, worker.Run(context.Background(), q, o, func(_ context.Context, r worker.Record[string]) error {
		got.add(r.Value)
		again[r.Value] = r.Redelivered
		return nil
	}))
	require.Equal(t, numbers(2, 6), got.all)
	require.Equal(t, 1, again["2"])
	require.Zero(t, again["5"])
}

// Where producers wait for nobody a worker that falls behind goes on, and the program learns what
// was lost; without anything that would learn it the worker ends.
func TestAWorkerThatFellBehind(t *testing.T) {
	t.Parallel()
	run := func(q string, o worker.Options[string]) (got numbered, err error) {
		o.Consumer.Subscription = "work"
		err = worker.Run(context.Background(), q, untilEOF(o), func(_ context.Context, r worker.Record[string]) error {
			got.add(r.Value)
			return nil
		})
		return
	}
	lapped := func() string {
		q := each(t, shmq.Options{Skip: true})
		send(t, q, texts(0, 100)...)
		return q
	}
	var told []*consumer.LaggedError
	got, err := run(lapped(), worker.Options[string]{OnLagged: func(err *consumer.LaggedError) { told = append(told, err) }})
	require.NoError(t, err)
	require.Len(t, told, 1)
	require.EqualValues(t, 0, told[0].From)
	require.Equal(t, told[0].To, told[0].Lost)
	require.Equal(t, numbers(int(told[0].To), 100), got.all, "what was not lost")

	logger, logged := newLog()
	got, err = run(lapped(), worker.Options[string]{Logger: logger})
	require.NoError(t, err)
	require.Contains(t, logged(), "records were lost")
	require.Contains(t, logged(), fmt.Sprintf("lost=%d", 100-len(got.all)))

	q := lapped()
	got, err = run(q, worker.Options[string]{})
	require.ErrorIs(t, err, shmq.ErrLagged)
	require.ErrorContains(t, err, q)
	require.Empty(t, got.all)
}

// A queue of which each consumer gets every record keeps no letter that nobody has subscribed to.
func TestNoDeadLettersInAQueueForEach(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 256})
	dead := testagent.Queue(t, &shmq.Options{Consumers: shmq.Each, Slots: 64, SlotSize: 4096})
	send(t, q, "a")
	err := worker.Run(context.Background(), q, untilEOF(worker.Options[string]{DeadLetter: dead}), func(context.Context, worker.Record[string]) error { return errBad })
	require.ErrorIs(t, err, shmq.ErrOption)
	require.ErrorContains(t, err, dead)
	require.ErrorContains(t, err, "name a queue whose consumers share its records")
	rs, _ := left(t, q)
	require.Len(t, rs, 1)
}

// Letters of such a queue go where letters go.
func TestDeadLettersOfAQueueForEach(t *testing.T) {
	t.Parallel()
	q, dead := each(t, shmq.Options{}), testagent.Name(t)
	send(t, q, texts(0, 6)...)
	o := untilEOF(worker.Options[string]{DeadLetter: dead, Retries: -1, Consumer: consumer.Options{Subscription: "work"}})
	require.NoError(t, worker.Run(context.Background(), q, o, func(_ context.Context, r worker.Record[string]) error {
		if r.Value == "2" {
			return errBad
		}
		return nil
	}))
	ls := letters(t, dead)
	require.Len(t, ls, 1)
	require.Equal(t, q, ls[0].Queue)
}
