package producer_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// largeWaits is a queue of 16 slots with n small records, and a process that waits to send
// one of half the ring.
func largeWaits(t *testing.T, side shmq.Multiplicity, n int) (q string, p *producer.Raw, large *testagent.Agent) {
	q = testagent.Queue(t, small(shmq.Options{Consumers: side}))
	p = openProducer(t, q)
	for range n {
		require.NoError(t, p.TrySend(nil))
	}
	large = testagent.Producer(t, q)
	large.Say("send x*512")
	testproc.Until(t, func() bool { return turn(t, q) == 1 })
	return q, p, large
}

// A lease holds up a large record, and nobody else: small ones have the room that is too
// little for it, from other processes and while they wait, and it comes when there is room.
func TestRoomForSmallOnesWhileALargeOneWaits(t *testing.T) {
	t.Parallel()
	for _, side := range []shmq.Multiplicity{shmq.One, shmq.Many} {
		t.Run(side.String(), func(t *testing.T) {
			q, p, large := largeWaits(t, side, 11)
			c := openConsumer(t, q, nil)
			lease, err := c.TryLease()
			require.NoError(t, err)
			other := testagent.Producer(t, q)
			for range 2 {
				require.NoError(t, p.Send(within(t), nil))
				other.Do("send y")
			}
			b, err := p.Reserve(within(t), 1)
			require.NoError(t, err)
			require.NoError(t, p.Commit(copy(b, "z")))
			require.ErrorIs(t, p.TrySend(nil), shmq.ErrFull)

			lease.Ack()
			for range 15 {
				b, err := c.Receive(within(t), nil)
				require.NoError(t, err)
				require.LessOrEqual(t, len(b), 1)
			}
			large.Expect("ok")
			b, err = c.Receive(within(t), nil)
			require.NoError(t, err)
			require.Len(t, b, 512)
			require.Zero(t, turn(t, q))
		})
	}
}

// A consumer that settles its leases only when it has got one more record gets it, also
// from a producer that slept when room came free that the large one can't use.
func TestOneMoreRecordWhileALargeOneWaits(t *testing.T) {
	t.Parallel()
	q, p, large := largeWaits(t, shmq.Many, 16)
	done := make(chan error, 1)
	go func() { done <- p.Send(within(t), []byte("one more")) }()
	testproc.Until(t, func() bool { return waits(t, q) >= 2 })
	c := openConsumer(t, q, nil)
	for range 5 {
		_, err := c.TryReceive(nil)
		require.NoError(t, err)
	}
	var held []*consumer.Lease
	for {
		lease, err := c.Lease(within(t))
		require.NoError(t, err)
		held = append(held, &lease)
		if string(lease.Bytes()) == "one more" {
			break
		}
		require.LessOrEqual(t, len(held), 11)
	}
	require.NoError(t, <-done)
	for _, l := range held {
		l.Ack()
	}
	large.Expect("ok")
}

// A producer that never sleeps asks for the turn as well, and leaves none behind.
func TestTurnOfAProducerThatNeverSleeps(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, small(shmq.Options{}))
	p, err := producer.OpenRaw(q, &producer.Options{Wait: shmq.Spin})
	require.NoError(t, err)
	defer p.Close()
	fill(t, p, 0)
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan error, 1)
	go func() { done <- p.Send(ctx, make([]byte, 512)) }()
	testproc.Until(t, func() bool { return turn(t, q) == 1 })
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Zero(t, turn(t, q))
}
