package producer_test

import (
	"context"
	"fmt"
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

// Producers sleep on a full ring, each with one record of its own size. When
// the ring is drained, all of them get to send, woken and not by a heartbeat:
// whatever wakes one too many, is passed over, or stands back.
func TestDrainedRingLeavesNobodyAsleep(t *testing.T) {
	for name, sizes := range map[string][]int{
		"one":                {10},
		"small ones":         {10, 10, 10, 10},
		"one large":          {512},
		"large and small":    {10, 512, 10, 10},
		"a crowd":            {10, 10, 10, 10, 10, 10, 512, 10, 10, 10},
		"several large":      {512, 10, 300, 512},
		"of different sizes": {0, 64, 65, 129, 512, 1},
	} {
		for _, take := range []int{1, 4} {
			for _, o := range testagent.Modes() {
				if o.Producers == shmq.One && len(sizes) > 1 {
					continue
				}
				t.Run(fmt.Sprintf("%s/taken by %d/%v to %v", name, take, o.Producers, o.Consumers), func(t *testing.T) {
					drained(t, o, sizes, take)
				})
			}
		}
	}
}

func drained(t *testing.T, o shmq.Options, sizes []int, take int) {
	const rounds = 12
	q := testagent.Queue(t, small(o))
	c := openConsumer(t, q, nil)
	var ps []*producer.Raw
	for range sizes {
		ps = append(ps, openProducer(t, q))
	}
	stalls := 0
	for round := range rounds {
		left := len(sizes)
		if round%3 == 0 {
			left += fill(t, ps[0], 512) // few records, so few wake-ups
		}
		left += fill(t, ps[0], 1+round*9%64)
		asleep := waits(t, q) + uint64(len(sizes))
		done := make(chan error, len(sizes))
		ctx := within(t)
		for i, p := range ps {
			go func() { done <- p.Send(ctx, make([]byte, sizes[i])) }()
		}
		// All have gone to sleep, though some may have been woken since.
		testproc.Until(t, func() bool { return waits(t, q) >= asleep })
		start := time.Now()
		drain(t, ctx, c, take, left)
		for range sizes {
			require.NoError(t, <-done)
		}
		if time.Since(start) > park.Heartbeat/2 {
			stalls++
		}
	}
	t.Logf("%d stalls", stalls)
	require.LessOrEqual(t, stalls, 1, "rounds of %d in which somebody slept on", rounds)
}

// drain takes n records, several at a time, and acknowledges the last of each take
// first.
func drain(t *testing.T, ctx context.Context, c *consumer.Raw, take, n int) {
	t.Helper()
	ls := make([]consumer.Lease, take)
	for n > 0 {
		got, err := c.LeaseBatch(ctx, ls)
		require.NoError(t, err)
		for _, l := range slices.Backward(ls[:got]) {
			l.Ack()
		}
		n -= got
	}
}
