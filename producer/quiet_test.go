package producer_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// While a record that somebody holds keeps the ring from going round, producers
// sleep for room and the other consumers for records. They do not keep each other
// awake over it.
func TestHeldLeaseLetsTheOthersSleep(t *testing.T) {
	for name, size := range map[string]int{"small records": 10, "large records": 300} {
		t.Run(name, func(t *testing.T) {
			q := testagent.Queue(t, small(shmq.Options{}))
			holder := openConsumer(t, q, nil)
			first := openProducer(t, q)
			require.NoError(t, first.TrySend([]byte("held")))
			l, err := holder.TryLease()
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			for range 2 {
				p, c := openProducer(t, q), openConsumer(t, q, nil)
				wg.Go(func() {
					for p.Send(ctx, make([]byte, size)) == nil {
					}
				})
				wg.Go(func() {
					for {
						if _, err := c.Receive(ctx, nil); err != nil {
							return
						}
					}
				})
			}
			// The ring has gone round, and is drained but for the one.
			testproc.Until(t, func() bool {
				info, err := shmq.Stat(q)
				return err == nil && info.Tail >= 9 && info.Records == 0
			})
			before := waits(t, q)
			const watched = 600 * time.Millisecond
			time.Sleep(watched) // to count over
			sleeps := waits(t, q) - before
			t.Logf("%d sleeps of 4 in %v", sleeps, watched)
			require.LessOrEqual(t, sleeps, 10*4*uint64(watched/park.Heartbeat))
			// Once it is acknowledged all goes on, at once.
			sent := records(t, q)
			l.Ack()
			start := time.Now()
			testproc.Until(t, func() bool { return records(t, q) > sent+100 })
			t.Logf("went on within %v", time.Since(start))
		})
	}
}

// records is how many were sent and acknowledged.
func records(t *testing.T, q string) uint64 {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	n := uint64(0)
	for _, p := range info.Participants {
		n += p.Records
	}
	return n
}
