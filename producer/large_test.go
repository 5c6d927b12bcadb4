package producer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
)

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
					testagent.Producer(t, q).Say("pump 48")
				}
				testagent.Producer(t, q).Say("pump %d", large)
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
