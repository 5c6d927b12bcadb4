package producer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// All room comes free at once and wakes one producer; who has sent and sees more
// room wakes the next. The consumer does nothing after that.
func TestOneWakeUpForRoomReachesEverySleeper(t *testing.T) {
	q := testagent.Queue(t, small(shmq.Options{Consumers: shmq.One}))
	c := openConsumer(t, q, nil)
	var ps []*producer.Raw
	for range 5 {
		ps = append(ps, openProducer(t, q))
	}
	stalls := 0
	ls := make([]consumer.Lease, 16)
	for range 15 {
		require.Equal(t, 16, fill(t, ps[0], 1))
		before := waits(t, q)
		done := make(chan error, len(ps))
		ctx := within(t)
		for _, p := range ps {
			go func() { done <- p.Send(ctx, nil) }()
		}
		testproc.Until(t, func() bool { return waits(t, q) >= before+uint64(len(ps)) })
		start := time.Now()
		n, err := c.TryLeaseBatch(ls)
		require.NoError(t, err)
		require.Equal(t, 16, n)
		for _, l := range slices.Backward(ls) { // the one that frees all comes last
			l.Ack()
		}
		for range ps {
			require.NoError(t, <-done)
		}
		if time.Since(start) > park.Heartbeat/2 {
			stalls++
		}
		for range ps {
			_, err := c.TryReceive(nil)
			require.NoError(t, err)
		}
	}
	require.LessOrEqual(t, stalls, 1)
}
