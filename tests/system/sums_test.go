//go:build linux

package system_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func sums(t *testing.T, queue string) *shmq.Info {
	t.Helper()
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	require.EqualValues(t, info.Uncounted, int64(info.Received+info.Torn)+int64(info.Records+info.Leased+info.Orphans)-int64(info.Sent))
	return info
}

// Participants come and go, and seats are used again and again: all that was sent is
// somewhere.
func TestSumsOfOrderlyParticipants(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Seats, o.Timestamps = 64, 64, 3, true
		q := testagent.Queue(t, &o)
		rng := rand.New(rand.NewPCG(3, 4))
		sent, received, bytes := 0, 0, 0
		for range 60 {
			p := testagent.OpenProducer(t, q)
			for range rng.IntN(4) {
				b := make([]byte, rng.IntN(200))
				if p.TrySend(b) == nil {
					sent++
					bytes += len(b)
				}
			}
			if n, err := p.TrySendBatch([][]byte{{1}, {2, 3}}); err == nil {
				sent += n
				bytes += []int{0, 1, 3}[n]
			}
			require.NoError(t, p.Close())
			c := testagent.OpenConsumer(t, q, nil)
			ls := make([]consumer.Lease, 1+rng.IntN(4))
			n, err := c.TryLeaseBatch(ls)
			if err == nil {
				again := ls[0]
				ls[0].Ack()
				again.Ack()
				received++
				info := sums(t, q)
				require.Zero(t, info.Uncounted)
				// A single one holds what its predecessor was handed, another what it has
				// inherited with the record.
				require.GreaterOrEqual(t, info.Leased, n-1)
				require.Equal(t, sent-received, info.Records+info.Leased+info.Orphans)
			}
			require.NoError(t, c.Close()) // the others go back
			info := sums(t, q)
			require.Zero(t, info.Uncounted)
			require.Zero(t, info.Leased)
			require.EqualValues(t, []int{sent, received, bytes}, []int{int(info.Sent), int(info.Received), int(info.SentBytes)})
		}
	})
}

// Senders and receivers are killed at any instruction. The content of the queue is told exactly,
// and the counts may lack one call of each of them. (Each record has a slot of its
// own, so the positions tell how many there were.)
func TestSumsAfterKills(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Seats = 256, 64, 6
		q := testagent.Queue(t, &o)
		rng := rand.New(rand.NewPCG(5, 6))
		deadSenders, deadReceivers := 0, 0
		var last shmq.Info
		for round := range 12 {
			p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
			start := sums(t, q).Tail
			p.Say("pump 20")
			c.Say("sink")
			want := start + 1 + rng.Uint64N(20000)
			testproc.Until(t, func() bool { return sumsTail(t, q) >= want })
			if rng.IntN(2) == 0 {
				c.Kill()
				deadReceivers++
				p.Kill()
				deadSenders++
			} else {
				p.Kill()
				deadSenders++
				c.Kill()
				deadReceivers++
			}
			if round%3 == 2 {
				_, err := shmq.Recover(q, nil)
				require.NoError(t, err)
			}
			info := sums(t, q)
			require.Zero(t, info.Leased, "dead ones have no leases")
			require.GreaterOrEqual(t, info.Sent, last.Sent)
			require.GreaterOrEqual(t, info.Received, last.Received)
			last = *info
		}
		_, err := shmq.Recover(q, nil)
		require.NoError(t, err)
		settle := testagent.OpenConsumer(t, q, nil) // takes the rest of the ring up
		require.NoError(t, settle.Close())
		info := sums(t, q)
		sent := info.Tail - info.Skipped
		received := sent - uint64(info.Records+info.Orphans)
		t.Logf("%d sent, %d not counted; %d received, %d not counted; %d claims skipped; uncounted %d", sent, sent-info.Sent, received, int64(received-info.Received), info.Skipped, info.Uncounted)
		require.LessOrEqual(t, sent-info.Sent, uint64(deadSenders))
		require.LessOrEqual(t, received-info.Received, uint64(deadReceivers))
		require.GreaterOrEqual(t, info.Uncounted, -int64(deadReceivers))
		require.LessOrEqual(t, info.Uncounted, int64(deadSenders))
		require.Greater(t, info.Sent, uint64(1000))

		// From here on no process is killed, and nothing is lost any more.
		c := testagent.OpenConsumer(t, q, nil)
		for {
			if _, err := c.TryReceive(nil); err != nil {
				require.ErrorIs(t, err, shmq.ErrEmpty)
				break
			}
		}
		require.NoError(t, c.Close())
		require.Equal(t, info.Uncounted, sums(t, q).Uncounted)
	})
}

func sumsTail(t *testing.T, q string) uint64 { return sums(t, q).Tail }
