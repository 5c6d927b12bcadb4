package intake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/intake"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

func TestMain(m *testing.M) { testproc.Main(m, nil) }

func queues(t *testing.T, n int) (ps []*producer.Raw, in *intake.Intake) {
	var cs []*consumer.Raw
	for range n {
		q := testagent.Queue(t, &shmq.Options{Slots: 64, SlotSize: 64})
		ps = append(ps, testagent.OpenProducer(t, q))
		cs = append(cs, testagent.OpenConsumer(t, q, &consumer.Options{UntilEOF: true}))
	}
	in, err := intake.New(cs...)
	require.NoError(t, err)
	return ps, in
}

// A batch of one queue, then one of the next that has something, until all have ended.
func TestBatchesInTurn(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		for _, batch := range []int{1, 4} {
			ps, in := queues(t, n)
			for i, p := range ps {
				for range 8 * (i + 1) {
					require.NoError(t, p.TrySend(fmt.Append(nil, i)))
				}
				require.NoError(t, p.Finish())
			}
			got := map[string]int{}
			for {
				ls := make([]consumer.Lease, batch)
				k, err := in.Lease(testagent.Within(t), ls)
				if err != nil {
					require.Equal(t, io.EOF, err)
					break
				}
				for i := range ls[:k] {
					require.Equal(t, in.From().Name(), ls[i].Queue())
					got[string(ls[i].Bytes())]++
					ls[i].Ack()
				}
				least, most := 100, 0
				for i := range n {
					c := got[fmt.Sprint(i)]
					least, most = min(least, c), max(most, c)
				}
				if least < 8 { // the first has more to come
					require.LessOrEqual(t, most-least, batch)
				}
			}
			for i := range n {
				require.Equal(t, 8*(i+1), got[fmt.Sprint(i)])
			}
			require.NoError(t, in.Err())
		}
	}
}

func TestOneIsLost(t *testing.T) {
	ps, in := queues(t, 3)
	var lost []string
	in.Lost = func(c *consumer.Raw, err error) {
		require.ErrorIs(t, err, shmq.ErrRemoved)
		lost = append(lost, c.Name())
		for _, p := range []*producer.Raw{ps[0], ps[2]} { // the others go on
			require.NoError(t, errors.Join(p.TrySend([]byte("x")), p.Finish()))
		}
	}
	require.NoError(t, shmq.ForceRemove(ps[1].Name()))
	ls := make([]consumer.Lease, 4)
	for range 2 {
		n, err := in.Lease(testagent.Within(t), ls)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		ls[0].Ack()
	}
	_, err := in.Lease(testagent.Within(t), ls)
	require.ErrorIs(t, err, shmq.ErrRemoved)
	require.Equal(t, err, in.Err())
	require.Equal(t, []string{ps[1].Name()}, lost)
}

func TestTryOfEmptyQueues(t *testing.T) {
	ps, in := queues(t, 2)
	ls := make([]consumer.Lease, 4)
	_, err := in.Try(ls)
	require.ErrorIs(t, err, shmq.ErrEmpty)
	require.NoError(t, ps[1].Finish())
	_, err = in.Try(ls)
	require.ErrorIs(t, err, shmq.ErrEmpty, "the other has not ended")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = in.Lease(ctx, ls)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, ps[0].Finish())
	_, err = in.Try(ls)
	require.Equal(t, io.EOF, err)
}
