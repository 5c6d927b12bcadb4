package selector_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/selector"
)

// Two goroutines wait for the same two queues of which each consumer gets every record: each gets
// every record of both, and while one of them is slow producers wait in the same way.
func TestEachSetGetsEveryRecord(t *testing.T) {
	t.Parallel()
	const records, sets = 500, 2
	var queues []string
	var producers []*producer.Raw
	for range 2 {
		q := testagent.Queue(t, small(shmq.Options{Consumers: shmq.Each}))
		queues = append(queues, q)
		producers = append(producers, testagent.OpenProducer(t, q))
	}
	errs := make(chan error, sets+len(queues))
	for range sets {
		set := &selector.Set{}
		at := map[selector.Queue]int{}
		for _, q := range queues {
			c := testagent.OpenConsumer(t, q, nil)
			at[c] = 0
			require.NoError(t, set.Add(c))
		}
		go func() {
			for range records * len(queues) {
				q, err := set.Wait(within(t))
				if err != nil {
					errs <- err
					return
				}
				b, err := q.(*consumer.Raw).TryReceive(nil)
				if err == nil && string(b) != fmt.Sprint(at[q]) {
					err = fmt.Errorf("got %s, want %d", b, at[q])
				}
				if err != nil {
					errs <- err
					return
				}
				at[q]++
			}
			errs <- nil
		}()
	}
	for _, p := range producers {
		go func() {
			set := &selector.Set{}
			err := set.Add(p)
			for i := 0; i < records && err == nil; i++ {
				if _, err = set.Wait(within(t)); err == nil {
					err = p.Send(within(t), fmt.Appendf(nil, "%d", i))
				}
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
}

// A consumer that fell behind has something: Wait returns it, and its Try says what was lost.
func TestALaggedConsumerIsReady(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{Consumers: shmq.Each, Skip: true}))
	c := testagent.OpenConsumer(t, q, nil)
	p := testagent.OpenProducer(t, q)
	set := &selector.Set{}
	require.NoError(t, set.Add(c))
	for i := range 40 {
		require.NoError(t, p.TrySend(fmt.Appendf(nil, "%d", i)))
	}
	got, err := set.Wait(within(t))
	require.NoError(t, err)
	require.Equal(t, c, got)
	_, err = c.TryReceive(nil)
	var lagged *consumer.LaggedError
	require.ErrorAs(t, err, &lagged)
	for i := lagged.To; i < 40; i++ {
		got, err := set.Wait(within(t))
		require.NoError(t, err)
		require.Equal(t, c, got)
		b, err := c.TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(b))
	}
}
