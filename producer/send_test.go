package producer_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/ring"
)

// A sender on a full ring waits for a receiver in another process, at that one's pace.
func TestSendWaitsForASlowReceiver(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p := openProducer(t, q)
		n := fill(t, p, 10)
		require.Equal(t, 16, n)
		c := testagent.Consumer(t, q)
		done := make(chan error, 1)
		go func() {
			ctx := context.Background()
			for i := range 40 {
				if err := p.Send(ctx, fmt.Appendf(nil, "late%d", i)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for i := range n + 40 {
			got := c.Lease(1)[0]
			if i >= n {
				require.Equal(t, fmt.Sprintf("late%d", i-n), got.Data)
			}
			c.Do("ack %d", i)
		}
		require.NoError(t, <-done)
	})
}

func TestTrySendOnFullRing(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p := openProducer(t, q)
		fill(t, p, 0)
		for _, err := range []error{
			p.TrySend(nil),
			second(p.TryReserve(1)),
			second(p.TrySendBatch([][]byte{nil, nil})),
		} {
			require.ErrorIs(t, err, shmq.ErrFull)
			require.ErrorContains(t, err, fmt.Sprintf("%q", q))
			require.ErrorContains(t, err, "receive faster")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*millisecond)
		defer cancel()
		require.ErrorIs(t, p.Send(ctx, nil), context.DeadlineExceeded)
		require.ErrorIs(t, second(p.Reserve(ctx, 5)), context.DeadlineExceeded)
		c := openConsumer(t, q, nil)
		_, err := c.TryReceive(nil)
		require.NoError(t, err)
		require.ErrorIs(t, p.Send(ctx, nil), context.DeadlineExceeded, "though there is room by now")
		require.NoError(t, p.TrySend(nil))
	})
}

func second[T any](_ T, err error) error { return err }

func TestTooLargeRecordSaysWhatTheLimitIs(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p := openProducer(t, q)
		require.Equal(t, 512, p.MaxRecord())
		big := make([]byte, 513)
		for _, err := range []error{
			p.TrySend(big), p.Send(within(t), big),
			second(p.TryReserve(513)), second(p.Reserve(within(t), 513)),
			second(p.TrySendBatch([][]byte{big})), second(p.SendBatch(within(t), [][]byte{big})),
		} {
			require.ErrorIs(t, err, shmq.ErrTooLarge)
			require.ErrorContains(t, err, "it has 513 bytes, the limit of this queue is 512")
			require.ErrorContains(t, err, "--slot-size")
			require.ErrorContains(t, err, q)
		}
		require.NoError(t, p.TrySend(big[:512]))
		// What comes before it in a batch is sent.
		n, err := p.SendBatch(within(t), [][]byte{{1}, {2}, big, {3}})
		require.ErrorIs(t, err, shmq.ErrTooLarge)
		require.Equal(t, 2, n)
		c := openConsumer(t, q, nil)
		for _, want := range [][]byte{big[:512], {1}, {2}} {
			b, err := c.TryReceive(nil)
			require.NoError(t, err)
			require.Equal(t, want, b)
		}
		_, err = c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
	})
}

func TestCancelledSendReturnsAtOnce(t *testing.T) {
	q := testagent.Queue(t, small(shmq.Options{}))
	p := openProducer(t, q)
	fill(t, p, 0)
	for _, size := range []int{1, 200} {
		var all []time.Duration
		for range 15 {
			ctx, cancel := context.WithCancel(context.Background())
			at := make(chan time.Time, 1)
			time.AfterFunc(2*millisecond, func() {
				at <- time.Now()
				cancel()
			})
			err := p.Send(ctx, make([]byte, size))
			all = append(all, time.Since(<-at))
			require.ErrorIs(t, err, context.Canceled)
		}
		slices.Sort(all)
		t.Logf("median %v, worst %v", all[len(all)/2], all[len(all)-1])
		require.Less(t, all[len(all)/2], park.Heartbeat/4)
	}
	require.Zero(t, turn(t, q), "a producer that gave up asks nobody to stand back")
}

// turn reports whether somebody in the queue has the turn.
func turn(t *testing.T, q string) int {
	t.Helper()
	a, err := attach.To(q, shmq.Producer, nil)
	require.NoError(t, err)
	defer a.Detach()
	if a.Ring().TurnAsked() {
		return 1
	}
	return 0
}

// A large record that waits, and whose sender is stopped, does not hold the others
// up for long.
func TestStoppedHolderOfTheTurn(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p := openProducer(t, q)
	n := fill(t, p, 0)
	large := testagent.Producer(t, q)
	large.Say("send x*512")
	testproc.Until(t, func() bool { return turn(t, q) == 1 })
	large.Stop()
	c := openConsumer(t, q, nil)
	for range n {
		_, err := c.TryReceive(nil)
		require.NoError(t, err)
	}
	start := time.Now()
	require.NoError(t, p.Send(within(t), nil))
	require.Less(t, time.Since(start), time.Second)
	t.Logf("%v after the last one", time.Since(start))
	large.Continue()
	large.Expect("ok")
	require.Zero(t, turn(t, q))
}

func TestReservation(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, c := openProducer(t, q), openConsumer(t, q, nil)
		b, err := p.Reserve(within(t), 100)
		require.NoError(t, err)
		require.Len(t, b, 100)
		copy(b, "partly")
		require.ErrorIs(t, p.TrySend(nil), ring.ErrReserved)
		require.ErrorIs(t, p.Send(within(t), nil), ring.ErrReserved)
		require.ErrorIs(t, second(p.TryReserve(1)), ring.ErrReserved)
		require.ErrorIs(t, second(p.TrySendBatch(nil)), ring.ErrReserved)
		require.ErrorIs(t, second(p.TrySendBatch([][]byte{nil})), ring.ErrReserved)
		require.ErrorIs(t, p.Commit(101), ring.ErrNotReserved)
		require.ErrorIs(t, p.Commit(-1), ring.ErrNotReserved)
		_, err = c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
		require.NoError(t, p.Commit(6))
		require.ErrorIs(t, p.Commit(6), ring.ErrNotReserved)
		got, err := c.TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, "partly", string(got))

		_, err = p.TryReserve(200)
		require.NoError(t, err)
		p.Abort()
		p.Abort()
		require.ErrorIs(t, second(p.TryReserve(-1)), shmq.ErrTooLarge)
		_, err = p.TryReserve(200) // open at Close
		require.NoError(t, err)
		require.NoError(t, p.Close())
		require.NoError(t, p.Close(), "a second time")
		require.ErrorIs(t, p.TrySend(nil), os.ErrClosed)
		require.NotContains(t, p.TrySend(nil).Error(), "file")
		for _, err := range []error{p.TrySend(nil), p.Send(within(t), nil), p.Commit(0), p.Finish(),
			second(p.TryReserve(1)), second(p.Reserve(within(t), 1)), second(p.TrySendBatch(nil)), second(p.SendBatch(within(t), nil))} {
			require.ErrorIs(t, err, shmq.ErrClosed)
		}
		p.Abort()
		next, err := producer.OpenRaw(q, nil)
		require.NoError(t, err)
		require.NoError(t, next.TrySend([]byte("next")))
		require.NoError(t, next.Close())
		got, err = c.Receive(within(t), nil)
		require.NoError(t, err)
		require.Equal(t, "next", string(got))
	})
}

func TestBatchLargerThanTheRing(t *testing.T) {
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, c := openProducer(t, q), openConsumer(t, q, nil)
		var batch [][]byte
		for i := range 100 {
			batch = append(batch, make([]byte, i*5))
		}
		ctx := within(t)
		done := make(chan error, 1)
		go func() {
			n, err := p.SendBatch(ctx, batch)
			if err == nil && n != len(batch) {
				err = fmt.Errorf("sent %d", n)
			}
			done <- err
		}()
		for i := range batch {
			b, err := c.Receive(ctx, nil)
			require.NoError(t, err)
			require.Len(t, b, i*5)
		}
		require.NoError(t, <-done)
		n, err := p.SendBatch(ctx, nil)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

// A deferred Close after Finish is no error: the producer has left, as it was to.
func TestCloseAfterFinish(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	require.NoError(t, p.Finish())
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Finish(), shmq.ErrClosed)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.True(t, info.Finished)
	require.Empty(t, info.Participants)
}

// elsewhere is a codec that fails because of another queue, which is damaged.
type elsewhere struct{ codec.Codec }

func (elsewhere) Append([]byte, any) ([]byte, error) {
	return nil, &shmq.Error{Op: "send to", Queue: "elsewhere", Err: shmq.ErrDamaged}
}

func TestACodecThatFailsBecauseOfAnotherQueue(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	q := testagent.Queue(t, small(shmq.Options{}))
	p, err := producer.Open[int](q, &producer.Options{Codec: elsewhere{codec.Msgpack()}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	err = p.TrySend(7)
	var named *shmq.Error
	require.ErrorAs(t, err, &named)
	require.Equal(t, q, named.Queue)
	require.ErrorContains(t, err, `shmq check "elsewhere"`)
	require.NotContains(t, err.Error(), fmt.Sprintf("shmq check %q", q))
	require.Empty(t, log.String(), "this one is not damaged")
}
