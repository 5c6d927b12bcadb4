//go:build linux

package system_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/producer"
)

// A thousand subscriptions, most of them durable ones that no process has: the producer waits for
// them, one more is refused, and each gets every record when it is taken over.
func TestAThousandSubscriptions(t *testing.T) {
	const most, living = 1000, 4
	q := testagent.Queue(t, &shmq.Options{Consumers: shmq.Each, Slots: 16, SlotSize: 64, Subscriptions: most})
	open := func(name string) *consumer.Raw {
		c, err := consumer.OpenRaw(q, &consumer.Options{NoCreate: true, Subscription: name})
		require.NoError(t, err, name)
		return c
	}
	name := func(i int) string { return fmt.Sprintf("durable-%d", i) }
	for i := range most - living {
		require.NoError(t, open(name(i)).Close())
	}
	var all []*consumer.Raw
	for range living {
		all = append(all, open(""))
	}
	_, err := consumer.OpenRaw(q, &consumer.Options{NoCreate: true})
	require.ErrorIs(t, err, shmq.ErrNoSeat)
	require.ErrorContains(t, err, "all 1000 subscriptions")
	p, err := producer.OpenRaw(q, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	receive := func(c *consumer.Raw, from, to int) {
		for id := from; id < to; id++ {
			b, err := c.TryReceive(nil)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(id), string(b))
		}
		_, err := c.TryReceive(nil)
		require.ErrorIs(t, err, shmq.ErrEmpty)
	}
	for lap := range 2 {
		for id := lap * 16; id < lap*16+16; id++ {
			require.NoError(t, p.TrySend(fmt.Appendf(nil, "%d", id)))
		}
		for _, c := range all {
			receive(c, lap*16, lap*16+16)
		}
		require.ErrorIs(t, p.TrySend(nil), shmq.ErrFull)
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.Len(t, info.Subscriptions, most)
		require.True(t, info.Full)
		for i := range most - living {
			require.ErrorIs(t, p.TrySend(nil), shmq.ErrFull, "%s has not received", name(i))
			c := open(name(i))
			receive(c, lap*16, lap*16+16)
			require.NoError(t, c.Close())
		}
	}
	for _, c := range all {
		require.NoError(t, c.Close())
	}
	require.NoError(t, p.Close())
}
