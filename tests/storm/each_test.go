//go:build linux

package storm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testaccount"
	"github.com/shmq/shmq/producer"
)

// The storm over queues of which each consumer gets every record: subscriptions that join, leave,
// are killed and stopped, durable ones that are taken over; producers that wait for them, and
// producers that do not.
func TestEachStorm(t *testing.T) {
	storms(t, func(n int, random *rand.Rand) shmq.Options {
		o := shmq.Options{
			Consumers: shmq.Each, Slots: 8 << (2 * random.IntN(3)), SlotSize: 64 << random.IntN(3),
			Seats: 10, Subscriptions: 6, Skip: n&2 != 0, Checksum: random.IntN(3) == 0,
		}
		if o.Producers = shmq.One; n&1 != 0 {
			o.Producers = shmq.Many
		}
		if !o.Skip {
			o.Keep = random.IntN(o.Slots + 1)
		}
		return o
	})
}

const subscribing = "subscribe"

// durables are the names of durable subscriptions.
var durables = []string{"a", "b"}

// sizes are those of the records. In every second queue whose subscribers are lapped a record takes one
// position, so that the account can count them.
func (c *crew) sizes() string {
	switch {
	case c.opts.Consumers != shmq.Each:
		return allSizes
	case c.opts.Skip && c.seed&1 == 0:
		return oneSlot
	}
	return numbered
}

// peers says whom each role can wait for, subscribers by way of producers. These wait for durable subscriptions even if nobody has
// them, and for no others that are not there.
func (c *crew) peers() map[string][]string {
	if c.opts.Consumers != shmq.Each {
		return sharing
	}
	var waited []string
	if !c.opts.Skip {
		for _, name := range durables {
			waited = append(waited, subscribing+name)
		}
	}
	return map[string][]string{subscribing: append(waited, producing), producing: waited}
}

// excuse notes a time in which a life was stopped.
func (c *crew) excuse(l *life, s span) {
	if c.opts.Skip && l.role == subscribing {
		c.quiet.readers = append(c.quiet.readers, s)
	} else {
		c.quiet.add(s)
	}
}

// fillSubscribers starts successors of those that are gone. Two contend for the first durable one
// now and then.
func (c *crew) fillSubscribers() {
	c.t.Helper()
	if c.over {
		return
	}
	running := map[string]int{}
	for _, l := range c.of(subscribing) {
		running[l.name]++
	}
	for i, name := range durables {
		want := 1
		if i == 0 && c.random.IntN(100) == 0 {
			want = 2
		}
		for ; running[name] < want; running[name]++ {
			c.subscribe(name)
		}
	}
	for ; running[""] < 2 && !c.lulled(); running[""]++ {
		c.subscribe("")
	}
}

func (c *crew) subscribe(name string) {
	c.t.Helper()
	from := "newest"
	if c.random.IntN(2) == 0 {
		from = "oldest"
	}
	c.start(subscribing, name, from)
}

// settleSubscribers lets every subscription come to the end of what was sent, and ends the durable ones.
func (c *crew) settleSubscribers() {
	c.t.Helper()
	for _, name := range durables {
		for !c.account.(*eachAccount).drained(name) {
			if !c.has(name) {
				c.subscribe(name)
			}
			for _, l := range c.of(subscribing) {
				if l.name == name {
					c.dismiss(l, "drain")
				}
			}
		}
	}
	for _, l := range c.of(subscribing) {
		c.dismiss(l, "drain")
	}
	require.Empty(c.t, c.running)
	for _, name := range durables {
		info := shmq.Info{Name: c.queue}
		require.NoError(c.t, info.Unsubscribe(name))
	}
}

func (c *crew) has(name string) bool {
	for _, l := range c.of(subscribing) {
		if l.name == name {
			return true
		}
	}
	return false
}

// requireNoSubscription wants a queue that all have left to be as good as new.
func requireNoSubscription(t *testing.T, queue string, opts shmq.Options) {
	t.Helper()
	testaccount.RequireUnlocked(t, queue)
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	require.Empty(t, info.Participants)
	require.Empty(t, info.Subscriptions)
	p, err := producer.OpenRaw(queue, &producer.Options{NoCreate: true})
	require.NoError(t, err)
	var cs []*consumer.Raw
	for range opts.Subscriptions {
		c, err := consumer.OpenRaw(queue, &consumer.Options{NoCreate: true})
		require.NoError(t, err)
		cs = append(cs, c)
	}
	_, err = consumer.OpenRaw(queue, &consumer.Options{NoCreate: true})
	require.ErrorIs(t, err, shmq.ErrNoSeat)
	for lap := range 3 {
		most := opts.Slots
		if opts.Skip { // a single producer announces some records ahead
			most -= opts.Slots / 4
		}
		n := 0
		for ; n < most && p.TrySend(fmt.Appendf(nil, "%d", n)) == nil; n++ {
		}
		require.Equal(t, most, n, "the ring fills to its capacity, lap %d", lap)
		if !opts.Skip {
			require.ErrorIs(t, p.TrySend(nil), shmq.ErrFull)
		}
		for _, c := range cs {
			for i := range n {
				b, err := c.TryReceive(nil)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint(i), string(b))
			}
			_, err := c.TryReceive(nil)
			require.ErrorIs(t, err, shmq.ErrEmpty)
		}
	}
	for _, c := range cs {
		require.NoError(t, c.Close())
	}
	require.NoError(t, p.Close())
	testaccount.RequireUnlocked(t, queue)
}
