//go:build linux

package system_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// TestABusyConsumerRecoversADeadOne has a consumer that always finds a record, and so never
// waits, get the one that was in the hands of a consumer that was killed.
func TestABusyConsumerRecoversADeadOne(t *testing.T) {
	t.Parallel()
	for _, o := range []shmq.Options{{Consumers: shmq.Many}, {Consumers: shmq.Many, Producers: shmq.One}} {
		o.Slots, o.SlotSize, o.Seats = 4096, 64, 8
		q := testagent.Queue(t, &o)
		p, err := producer.OpenRaw(q, nil)
		require.NoError(t, err)
		require.NoError(t, p.TrySend([]byte("held")))
		victim := testagent.Consumer(t, q)
		require.Equal(t, testagent.Fresh("held"), victim.Lease(1))
		c, err := consumer.OpenRaw(q, nil)
		require.NoError(t, err)
		victim.Kill()
		// A pace at which the ring does not come round to the slot that is held.
		pace := time.NewTicker(time.Millisecond)
		defer pace.Stop()
		got := ""
		for n := 0; n < 3000 && got != "held"; n++ {
			<-pace.C
			require.NoError(t, p.TrySend([]byte("new")))
			b, err := c.TryReceive(nil)
			require.NoError(t, err)
			got = string(b)
		}
		require.Equal(t, "held", got)
		require.NoError(t, c.Close())
		require.NoError(t, p.Close())
	}
}

// TestPollersRecoverByTime has a consumer that never waits, and seldom asks, recover a dead
// one: the third time it asks at the latest, when a heartbeat lies between two times.
func TestPollersRecoverByTime(t *testing.T) {
	t.Parallel()
	o := shmq.Options{Slots: 64, SlotSize: 64, Seats: 8}
	q := testagent.Queue(t, &o)
	p := testagent.Producer(t, q)
	p.Sends("held")
	victim := testagent.Consumer(t, q)
	victim.Lease(1)
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	victim.Kill()
	polls := 0
	for ; polls < 3; polls++ {
		next := time.NewTimer(300 * time.Millisecond) // three heartbeats
		b, err := c.TryReceive(nil)
		if err == nil {
			require.Equal(t, "held", string(b))
			break
		}
		require.ErrorIs(t, err, shmq.ErrEmpty)
		<-next.C
	}
	require.Less(t, polls, 3)
	require.NoError(t, c.Close())
}
