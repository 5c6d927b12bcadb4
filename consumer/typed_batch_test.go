package consumer_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

func TestTypedBatchFillsTheQueueAndNoMore(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, small(o))
		p, err := producer.Open[int](q, nil)
		require.NoError(t, err)
		defer p.Close()
		c, err := consumer.Open[int](q, nil)
		require.NoError(t, err)
		defer c.Close()

		values := make([]int, 20) // the queue has 16 slots
		for i := range values {
			values[i] = i
		}
		sent := 0
		for err = nil; err == nil; {
			var n int
			n, err = p.TrySendBatch(values[sent:])
			require.Equal(t, err == nil, n > 0)
			sent += n
		}
		require.ErrorIs(t, err, shmq.ErrFull)
		require.Equal(t, 16, sent)

		var got []int
		ls := make([]consumer.Leased[int], 6)
		for len(got) < 16 {
			n, err := c.TryLeaseBatch(ls)
			require.NoError(t, err)
			for i := range ls[:n] {
				require.NoError(t, ls[i].Err)
				require.Zero(t, ls[i].Redelivered())
				got = append(got, ls[i].Value)
				ls[i].Ack()
			}
		}
		require.Equal(t, values[:16], got)
		n, err := c.TryLeaseBatch(ls)
		require.ErrorIs(t, err, shmq.ErrEmpty)
		require.Zero(t, n)
		n, err = p.SendBatch(within(t), values[16:])
		require.NoError(t, err)
		require.Equal(t, 4, n)
	})
}

// A record of another type in the middle of a batch does not spoil its neighbours, and leaves
// nothing to settle.
func TestTypedBatchSettlesWhatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	p, c := pair[int](t)
	require.NoError(t, p.TrySend(1))
	require.NoError(t, p.Raw().TrySend([]byte("\xa4text")))
	require.NoError(t, p.TrySend(3))

	ls := make([]consumer.Leased[int], 4)
	n, err := c.LeaseBatch(within(t), ls)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, 1, ls[0].Value)
	require.Equal(t, 3, ls[2].Value)
	var undecoded *consumer.DecodeError
	require.ErrorAs(t, ls[1].Err, &undecoded)
	require.Equal(t, "\xa4text", string(undecoded.Record))
	require.Zero(t, ls[1].Value)
	ls[0].Ack()
	ls[1].Release() // nothing
	ls[2].Ack()
	_, err = c.Raw().TryLease()
	require.ErrorIs(t, err, shmq.ErrEmpty)
	n, err = c.TryLeaseBatch(ls)
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.Zero(t, n)
}

func TestTypedTryLease(t *testing.T) {
	t.Parallel()
	p, c := pair[string](t)
	_, _, err := c.TryLease()
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.NoError(t, p.TrySend("again"))
	v, l, err := c.TryLease()
	require.NoError(t, err)
	require.Equal(t, "again", v)
	l.Release()
	v, l, err = c.TryLease()
	require.NoError(t, err)
	require.Equal(t, "again", v)
	require.Equal(t, 1, l.Redelivered())
	l.Ack()

	require.NoError(t, p.Finish())
	_, _, err = c.TryLease()
	require.Equal(t, io.EOF, err)
	ls := make([]consumer.Leased[string], 2)
	_, err = c.LeaseBatch(within(t), ls)
	require.Equal(t, io.EOF, err)
	require.NoError(t, c.Close())
	_, err = c.TryLeaseBatch(ls)
	require.ErrorIs(t, err, shmq.ErrClosed)
	_, err = p.TrySendBatch([]string{"late"})
	require.ErrorIs(t, err, shmq.ErrClosed)
}

func TestTypedBatchesAllocateNothing(t *testing.T) {
	if testproc.Race {
		t.Skip("the race detector allocates")
	}
	type point struct{ X, Y int }
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, o := range testagent.Modes() {
		q := testagent.Queue(t, small(o))
		p, err := producer.Open[point](q, nil)
		require.NoError(t, err)
		c, err := consumer.Open[point](q, nil)
		require.NoError(t, err)
		values := []point{{1, 2}, {3, 4}, {5, 6}}
		ls := make([]consumer.Leased[point], 4)
		for what, send := range map[string]func() (int, error){
			"waiting": func() (int, error) { return p.SendBatch(ctx, values) },
			"trying": func() (n int, err error) {
				for n < len(values) && err == nil {
					var k int
					k, err = p.TrySendBatch(values[n:])
					n += k
				}
				return n, err
			},
		} {
			require.Zero(t, testing.AllocsPerRun(200, func() {
				n, err := send()
				for got := 0; got < n; {
					k, e := c.LeaseBatch(ctx, ls)
					err = errors.Join(err, e)
					for i := range ls[:k] {
						err = errors.Join(err, ls[i].Err)
						ls[i].Ack()
					}
					got += k
				}
				if err != nil || n != len(values) {
					t.Error(n, err)
				}
			}), "%s, %v to %v", what, o.Producers, o.Consumers)
		}
		require.Zero(t, testing.AllocsPerRun(200, func() {
			err := p.TrySend(values[0])
			v, l, e := c.TryLease()
			l.Ack()
			if errors.Join(err, e) != nil || v != values[0] {
				t.Error(err, e, v)
			}
		}))
		require.NoError(t, p.Close())
		require.NoError(t, c.Close())
	}
}
