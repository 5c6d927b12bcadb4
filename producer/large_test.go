package producer_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// flood sends records of one size for ever.
//
// Arguments: queue, size.
func flood(c *testproc.Child) {
	size, _ := strconv.Atoi(c.Args[1])
	p, err := producer.OpenRaw(c.Args[0], nil)
	c.Check(err)
	b := make([]byte, size)
	c.Say("ready")
	for {
		c.Check(p.Send(context.Background(), b))
	}
}

// A producer of records of half the ring makes steady progress while others keep
// the ring full of small ones, and they do too.
func TestLargeAmongSmall(t *testing.T) {
	for _, side := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		for _, others := range []int{2, 4} {
			t.Run(fmt.Sprintf("%v consumer, %d others", side, others), func(t *testing.T) {
				q := testagent.Queue(t, small(shmq.Options{Consumers: side}))
				c := openConsumer(t, q, nil)
				const large, wanted = 512, 500
				for range others {
					testproc.Start(t, "flood", q, "48").Expect("ready")
				}
				testproc.Start(t, "flood", q, strconv.Itoa(large)).Expect("ready")
				ctx := within(t)
				counts, worst, last := map[int]int{}, map[int]time.Duration{}, map[int]time.Time{}
				start := time.Now()
				for counts[large] < wanted || counts[48] < wanted {
					b, err := c.Receive(ctx, nil)
					require.NoError(t, err)
					n := len(b)
					if counts[n]++; counts[n] > 1 {
						worst[n] = max(worst[n], time.Since(last[n]))
					}
					last[n] = time.Now()
				}
				t.Logf("%d large and %d small in %v, longest gaps %v and %v", counts[large], counts[48], time.Since(start), worst[large], worst[48])
				require.Less(t, worst[large], time.Second)
				require.Less(t, worst[48], time.Second)
			})
		}
	}
}
