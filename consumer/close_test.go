package consumer_test

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

var policies = []shmq.WaitPolicy{shmq.SpinThenPark, shmq.Spin, shmq.Park}

// waitingCalls are calls that wait on an empty queue.
var waitingCalls = map[string]func(context.Context, *consumer.Raw) error{
	"Receive": func(ctx context.Context, c *consumer.Raw) error { return second(c.Receive(ctx, nil)) },
	"ReceiveBatch": func(ctx context.Context, c *consumer.Raw) error {
		return second(c.ReceiveBatch(ctx, make([][]byte, 3)))
	},
	"Lease": func(ctx context.Context, c *consumer.Raw) error { return second(c.Lease(ctx)) },
	"LeaseBatch": func(ctx context.Context, c *consumer.Raw) error {
		return second(c.LeaseBatch(ctx, make([]consumer.Lease, 3)))
	},
	"All": func(ctx context.Context, c *consumer.Raw) error {
		for _, err := range c.All(ctx) {
			return err
		}
		return io.EOF
	},
}

func second[T any](_ T, err error) error { return err }

func TestCloseEndsACallThatWaits(t *testing.T) {
	t.Parallel()
	for name, call := range waitingCalls {
		for _, policy := range policies {
			for _, ctx := range []context.Context{context.Background(), within(t)} {
				ctx := &askedContext{Context: ctx, asked: make(chan bool)}
				q := testagent.Queue(t, &shmq.Options{Slots: 16})
				c := openConsumer(t, q, &consumer.Options{Wait: policy})
				ended := make(chan error)
				go func() { ended <- call(ctx, c) }()
				<-ctx.asked
				require.NoError(t, c.Close())
				require.ErrorIs(t, <-ended, shmq.ErrClosed, "%s, %v", name, policy)
				info, err := shmq.Stat(q)
				require.NoError(t, err)
				require.Empty(t, info.Participants)
			}
		}
	}
}

// A call that sleeps is woken, and does not just come to the end of its heartbeat.
func TestCloseWakesACallThatSleeps(t *testing.T) {
	for _, ctx := range []context.Context{context.Background(), within(t)} {
		var all []time.Duration
		for range 9 {
			q := testagent.Queue(t, &shmq.Options{Slots: 16})
			c := openConsumer(t, q, &consumer.Options{Wait: shmq.Park})
			go func() { _, _ = c.Receive(ctx, nil) }()
			testproc.Until(t, func() bool { return waits(t, q) > 0 })
			start := time.Now()
			require.NoError(t, c.Close())
			all = append(all, time.Since(start))
		}
		slices.Sort(all)
		require.Less(t, all[len(all)/2], park.Heartbeat/2)
	}
}

// Close comes at any instant of calls in full flow. No access follows it, and what was received is just
// what is gone from the queue.
func TestCloseInFullFlow(t *testing.T) {
	t.Parallel()
	rounds := 150
	if testing.Short() || testproc.Race {
		rounds = 40
	}
	closeInFullFlow(t, testagent.Name(t), rounds)
}

func closeInFullFlow(t require.TestingT, q string, rounds int) {
	for _, o := range testagent.Modes() {
		o.Slots, o.SlotSize = 16, 64
		for round := range rounds {
			require.NoError(t, shmq.Create(q, &o))
			inFlow(t, q, round)
			require.NoError(t, shmq.Remove(q))
		}
	}
}

func inFlow(t require.TestingT, q string, round int) {
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	var both sync.WaitGroup
	var sent atomic.Int64
	ctx := context.Background()
	both.Go(func() {
		for p.Send(ctx, make([]byte, 40)) == nil {
			sent.Add(1)
		}
	})
	both.Go(func() {
		for i := 0; ; i++ {
			switch l, err := c.Lease(ctx); {
			case err != nil:
				return
			case i%3 == 0:
				l.Release()
			default:
				_ = l.Bytes()
				l.Ack()
				_ = l.ID()
			}
		}
	})
	for sent.Load() < int64(round%7) {
		time.Sleep(time.Microsecond)
	}
	first, then := p.Close, c.Close
	if round%2 == 1 {
		first, then = then, first
	}
	require.NoError(t, first())
	require.NoError(t, then())
	both.Wait()
	require.Equal(t, sent.Load(), int64(p.Counters().Records))
	left, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	rest := int64(0)
	for ; err == nil; rest++ {
		_, err = left.TryReceive(nil)
	}
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.Equal(t, sent.Load(), int64(c.Counters().Records)+rest-1)
	require.NoError(t, left.Close())
}

// Where the kernel refuses membarrier something else is in its place.
func TestCloseWithoutMembarrier(t *testing.T) {
	t.Parallel()
	testproc.Start(t, "close-without-membarrier", testagent.Name(t)).Expect("done")
}

func closeWithoutMembarrier(c *testproc.Child) {
	c.Refuse(unix.SYS_MEMBARRIER, unix.EPERM, 0, 0)
	closeInFullFlow(failing{c}, c.Args[0], 20)
	c.Say("done")
}

// failing lets a child fail as a test does.
type failing struct{ *testproc.Child }

func (f failing) Errorf(format string, args ...any) { f.Fail(format, args...) }
func (f failing) FailNow()                          { f.Fail("now") }

func TestEachCallAfterClose(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Timestamps = true
		q := testagent.Queue(t, small(o))
		p := openProducer(t, q)
		settled := settledLease(t, q, p)
		typed, err := consumer.Open[[]byte](q, nil)
		require.NoError(t, err)
		c := typed.Raw()
		for range 3 {
			require.NoError(t, p.TrySend([]byte("a record")))
		}
		l, err := c.TryLease()
		require.NoError(t, err)
		other, bytes := l, l.Bytes()
		ls := make([]consumer.Lease, 2)
		_, err = c.TryLeaseBatch(ls)
		require.NoError(t, err)
		require.NoError(t, c.Close())
		ctx := within(t)
		for name, call := range waitingCalls {
			require.ErrorIs(t, call(ctx, c), shmq.ErrClosed, name)
		}
		for _, err := range []error{
			second(c.TryReceive(nil)), second(c.TryReceiveBatch(make([][]byte, 1))), second(c.TryLease()), second(c.TryLeaseBatch(ls[:1])),
			second(typed.TryReceive()), second(typed.Receive(ctx)), c.Sync(), c.StartSync(),
			c.Guard(func() error { t.Error("it ran"); return nil }),
		} {
			require.ErrorIs(t, err, shmq.ErrClosed)
			require.ErrorContains(t, err, q)
		}
		l.Ack()
		l.Release()
		other.Ack()
		c.AckBatch(ls)
		c.NextStream()
		for _, l := range []consumer.Lease{l, other, settled} {
			require.Zero(t, l.ID())
			require.True(t, l.SentAt().IsZero())
			require.Equal(t, q, l.Queue())
		}
		require.Nil(t, l.Bytes())
		require.Nil(t, other.Bytes())
		require.Equal(t, q, c.Name())
		require.Equal(t, 512, c.MaxRecord())
		require.Zero(t, c.Counters().Records)
		require.NoError(t, c.Close())
		require.Equal(t, make([]byte, 8), bytes, "zeros of this process alone")
		copy(bytes, "scribble")
		heir := openConsumer(t, q, nil)
		for range 3 {
			b, err := heir.TryReceive(nil)
			require.NoError(t, err)
			require.Equal(t, "a record", string(b))
		}
	})
}

// settledLease returns a copy of a lease that was settled, of a consumer that was closed when
// it had no other: its memory is not there any more.
func settledLease(t *testing.T, q string, p *producer.Raw) consumer.Lease {
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	require.NoError(t, p.TrySend([]byte("settled")))
	l, err := c.TryLease()
	require.NoError(t, err)
	settled := l
	require.NotZero(t, l.ID())
	require.False(t, l.SentAt().IsZero())
	l.Ack()
	require.NoError(t, c.Close())
	return settled
}

// A program closes where it is: in Guard, in the body of a loop.
func TestCloseFromWithin(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p := openProducer(t, q)
		require.NoError(t, p.TrySend([]byte("a")))
		c := openConsumer(t, q, nil)
		l, err := c.TryLease()
		require.NoError(t, err)
		err = c.Guard(func() error {
			b := l.Bytes()
			if err := c.Close(); err != nil {
				return err
			}
			require.Equal(t, []byte{0}, b)
			return nil
		})
		require.ErrorIs(t, err, shmq.ErrClosed, "what it read may have been zeros")

		c = openConsumer(t, q, nil)
		var errs []error
		for b, err := range c.All(within(t)) {
			if errs = append(errs, err); err == nil {
				require.Equal(t, "a", string(b))
				require.NoError(t, c.Close())
			}
		}
		require.Len(t, errs, 2)
		require.NoError(t, errs[0])
		require.ErrorIs(t, errs[1], shmq.ErrClosed)

		typed, err := consumer.Open[[]byte](q, &consumer.Options{Codec: rude{codec.Bytes()}})
		require.NoError(t, err)
		errs = nil
		for b, err := range typed.All(within(t)) {
			if errs = append(errs, err); err == nil {
				require.Equal(t, "a", string(b))
				require.NoError(t, typed.Close())
			}
		}
		require.Len(t, errs, 2)
		require.ErrorIs(t, errs[1], shmq.ErrClosed)
		got, err := openConsumer(t, q, nil).TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, "a", string(got), "nobody acknowledged it")
	})
}

func TestCloseFromManyGoroutines(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() { _, _ = c.Receive(context.Background(), nil) })
	for range 10 {
		all.Go(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if _, err := c.Counters(), c.Sync(); err == nil {
				t.Error("synced")
			}
		})
	}
	all.Wait()
}

// askedContext tells when a call asks for its error for the second time: in the middle of a
// wait. Err is called by one goroutine.
type askedContext struct {
	context.Context
	times int
	asked chan bool
}

func (c *askedContext) Err() error {
	if c.times++; c.times == 2 {
		close(c.asked)
	}
	return c.Context.Err()
}
