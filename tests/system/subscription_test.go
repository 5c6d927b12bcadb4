package system_test

import (
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/ring"
)

// subscribe starts a process that subscribes.
func subscribe(t *testing.T, q, args string) *testagent.Agent {
	t.Helper()
	a := testagent.New(t)
	a.Do("subscribe %s %s", q, args)
	return a
}

func stat(t *testing.T, q string) *shmq.Info {
	t.Helper()
	i, err := shmq.Stat(q)
	require.NoError(t, err)
	return i
}

// What stat tells of subscriptions: of a fast one, of a slow one that holds leases, of a durable
// one whose holder is killed, and that the queue is as full as the slowest.
func TestStatOfSubscriptions(t *testing.T) {
	t.Parallel()
	for _, producers := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		q := testagent.Queue(t, &shmq.Options{Producers: producers, Consumers: shmq.Each, Slots: 16, SlotSize: 64, Timestamps: true})
		require.Empty(t, stat(t, q).Subscriptions)
		fast, slow, audit := subscribe(t, q, "newest"), subscribe(t, q, "newest"), subscribe(t, q, "newest audit")
		p := testagent.Producer(t, q)
		for range 4 {
			p.Do("send %s", "abc")
		}
		p.Do("send x*128") // two slots
		fast.Lease(5)
		for n := range 5 {
			fast.Do("ack %d", n)
		}
		slow.Lease(3)
		slow.Do("ack 0")
		audit.Lease(1)

		i := stat(t, q)
		require.Len(t, i.Subscriptions, 3)
		first, second, third := i.Subscriptions[0], i.Subscriptions[1], i.Subscriptions[2]
		require.Equal(t, shmq.Subscription{
			Entry: 2, Name: "audit", Durable: true, Held: true, Seat: 2, PID: audit.PID(), Command: first.Command,
			Since: first.Since, Lag: 6, Records: 5, Bytes: 4*3 + 128, Handed: 1,
		}, first)
		require.NotEmpty(t, first.Command)
		require.WithinDuration(t, time.Now(), first.Since, time.Minute)
		require.Equal(t, shmq.Subscription{
			Entry: 1, Held: true, Seat: 1, PID: slow.PID(), Command: second.Command, Since: second.Since,
			Position: 1, Lag: 5, Records: 4, Bytes: 3*3 + 128, Handed: 2,
		}, second)
		require.Equal(t, []any{0, uint64(6), uint64(0), 0}, []any{third.Entry, third.Position, third.Lag, third.Records})
		require.Equal(t, []any{6, 4, 1, 0, false}, []any{i.Depth, i.Records, i.Leased, i.Orphans, i.Full}, "of the slowest")
		require.WithinDuration(t, time.Now(), i.OldestSent, time.Minute)
		require.Zero(t, i.Uncounted)
		require.Nil(t, i.Participants[0].Holds)
		require.Equal(t, 2, i.Participants[1].Holds.Records)
		require.EqualValues(t, 1, i.Participants[1].Holds.First)

		audit.Kill()
		for range 10 {
			p.Do("send %s", "abc")
		}
		i = stat(t, q)
		require.True(t, i.Full, "behind the durable one")
		require.Equal(t, []any{16, 14, 0, 1}, []any{i.Depth, i.Records, i.Leased, i.Orphans})
		require.False(t, i.Subscriptions[0].Held)
		require.True(t, i.Subscriptions[0].Durable)

		slow.Kill()
		rec, err := shmq.Recover(q, nil)
		require.NoError(t, err)
		require.Equal(t, 1, rec.Ended)
		i = stat(t, q)
		require.Len(t, i.Subscriptions, 2, "the durable one stays")
		require.Equal(t, "audit", i.Subscriptions[0].Name)
	}
}

// Of several processes that recover at once, each tells what it has ended itself.
func TestRecoveriesAtOnceCountEachSubscriptionOnce(t *testing.T) {
	t.Parallel()
	name := testagent.Queue(t, &shmq.Options{Consumers: shmq.Each, Slots: 16, SlotSize: 64})
	q, err := mapped.Open(name, true)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	q.Ring.Subscription(4).Join(ring.Joining{Seat: 4, Name: "audit"})
	for range 100 {
		for i := range 4 { // without a lock: their holders are dead
			q.Ring.Subscription(i).Join(ring.Joining{Seat: i})
		}
		ended := make(chan int)
		for range 3 {
			go func() {
				rec, err := shmq.Recover(name, nil)
				if err != nil {
					ended <- -100
					return
				}
				ended <- rec.Ended
			}()
		}
		require.Equal(t, 4, <-ended+<-ended+<-ended, "the durable one stays")
	}
}

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Consumers: shmq.Each, Slots: 4, SlotSize: 64})
	a, p := subscribe(t, q, "newest audit"), testagent.Producer(t, q)
	i := stat(t, q)
	err := i.Unsubscribe("audit")
	require.ErrorIs(t, err, shmq.ErrInUse)
	require.ErrorContains(t, err, "end that process first")
	err = i.Unsubscribe("other")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, q)
	a.Kill()
	p.Sends("1", "2", "3", "4")
	p.Say("send 5") // waits for it
	testproc.Until(t, func() bool { return stat(t, q).ProducersAsleep })
	require.NoError(t, i.Unsubscribe("audit"))
	p.Expect("ok")
	require.ErrorIs(t, i.Unsubscribe("audit"), fs.ErrNotExist)
	require.Empty(t, stat(t, q).Subscriptions)

	shared := stat(t, testagent.Queue(t, nil))
	require.ErrorIs(t, shared.Unsubscribe("audit"), shmq.ErrOption)
}

// A lapped subscription: what is still there is counted, what is lost too.
func TestStatOfALappedSubscription(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Producers: shmq.One, Consumers: shmq.Each, Skip: true, Slots: 16, SlotSize: 64})
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	p := testagent.Producer(t, q)
	for range 40 {
		p.Do("send abc")
	}
	i := stat(t, q)
	require.False(t, i.Full)
	s := i.Subscriptions[0]
	require.EqualValues(t, 40, s.Lag)
	require.Equal(t, 16, s.Records)
	_, err = c.TryLease()
	require.ErrorIs(t, err, shmq.ErrLagged)
	s = stat(t, q).Subscriptions[0]
	require.Equal(t, c.Lost(), s.Lost)
	require.Equal(t, s.Position, s.Lost)
	require.EqualValues(t, 40-s.Position, s.Records)
}
