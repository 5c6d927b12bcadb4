package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// skipping returns a queue whose producers wait for nobody, with a durable subscription.
func skipping(t *testing.T, change func(*layout.Geometry)) (*ring.Ring, *ring.Producer, *ring.Consumer) {
	t.Helper()
	g := each(false, true, 16, 0)
	if change != nil {
		change(&g)
	}
	r := ringtest.NewRegion(g, 0).Ring()
	p, err := r.NewProducer(0)
	require.NoError(t, err)
	return r, p, subscribe(r, 0, ring.Joining{Name: "audit"})
}

func sendIDs(t *testing.T, p *ring.Producer, from, to uint64) {
	t.Helper()
	for id := from; id < to; id++ {
		require.NoError(t, p.Send(ringtest.Record(id, 8)))
	}
}

// A record that was received while an older lease is open comes again if the holder dies, and
// was seen.
func TestReceivedBehindAnOpenLeaseIsFlagged(t *testing.T) {
	t.Parallel()
	r, p, c := skipping(t, nil)
	sendIDs(t, p, 0, 3)
	var l ring.Lease
	require.NoError(t, c.TryLease(&l))
	require.Equal(t, []uint64{1}, ids(t, c, 1))
	r.Subscription(0).TakeOver(7)
	c = r.NewSubscriber(7, 0)
	for id := range uint64(3) {
		require.NoError(t, c.TryLease(&l))
		require.Equal(t, ringtest.Record(id, 8), l.Data)
		require.Equal(t, id < 2, l.Redelivered > 0, "record %d", id)
	}
}

// What is lost behind an open lease is counted once, also if the subscription goes back to that.
func TestLostBehindAnOpenLeaseIsCountedOnce(t *testing.T) {
	t.Parallel()
	r, p, c := skipping(t, nil)
	sendIDs(t, p, 0, 1)
	var l ring.Lease
	require.NoError(t, c.TryLease(&l))
	sendIDs(t, p, 1, 40)
	_, _, err := c.TryReceive(nil)
	require.ErrorIs(t, err, ring.ErrLagged)
	require.Equal(t, c.Lagged().To-1, c.Lost(), "its holder is told at once")
	c.Close()
	require.Zero(t, c.Lost(), "all of it comes again")
	_, _, err = c.TryReceive(nil)
	require.ErrorIs(t, err, ring.ErrLagged)
	require.Equal(t, ring.Lagged{From: 0, To: c.Lagged().To}, c.Lagged())
	require.Equal(t, c.Lagged().To, c.Lost())
	require.Equal(t, c.Lost(), r.Subscription(0).Lost())
	// The lease is settled: what was lost behind it is lost for good.
	require.NoError(t, c.TryLease(&l))
	at := r.Subscription(0).Position() + 1
	sendIDs(t, p, 40, 80)
	was := r.Subscription(0).Lost()
	_, _, err = c.TryReceive(nil)
	require.ErrorIs(t, err, ring.ErrLagged)
	require.Equal(t, was, r.Subscription(0).Lost())
	require.True(t, c.Ack(&l))
	require.Equal(t, was+c.Lagged().To-at, r.Subscription(0).Lost())
	require.Equal(t, c.Lost(), r.Subscription(0).Lost())
}

// A jump that a batch was not told is told by the next call, whether or not a record follows.
func TestPendingJumpIsToldWithoutARecord(t *testing.T) {
	t.Parallel()
	_, p, c := skipping(t, nil)
	sendIDs(t, p, 0, 10)
	var l ring.Lease
	require.NoError(t, c.TryLease(&l))
	c.Release(&l)
	ls := make([]ring.Lease, 4)
	// The released record is a copy, so it comes. All behind it is behind what the producer announces,
	// and a filler.
	_, err := p.Reserve(p.MaxRecord())
	require.NoError(t, err)
	n, err := c.TryLeaseBatch(ls)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.True(t, c.Peek())
	_, _, err = c.TryReceive(nil)
	require.ErrorIs(t, err, ring.ErrLagged)
	_, _, err = c.TryReceive(nil)
	require.ErrorIs(t, err, ring.ErrEmpty)
}

// A jump that a batch has not told, behind a lease that is given back, is made again.
func TestPendingJumpBehindALeaseThatIsGivenBack(t *testing.T) {
	t.Parallel()
	_, p, c := skipping(t, nil)
	sendIDs(t, p, 0, 2)
	ls := make([]ring.Lease, 4)
	require.NoError(t, c.TryLease(&ls[0]))
	c.Release(&ls[0])
	sendIDs(t, p, 2, 40)
	n, err := c.TryLeaseBatch(ls)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	c.Close()
	_, _, err = c.TryReceive(nil)
	require.ErrorIs(t, err, ring.ErrLagged)
	require.Equal(t, ring.Lagged{From: 0, To: c.Lost()}, c.Lagged())
	_, _, err = c.TryReceive(nil)
	require.NoError(t, err)
}

// A lease is a copy, and so is the time at which its record was sent.
func TestSentAtOfACopyOutlivesTheRecord(t *testing.T) {
	t.Parallel()
	_, p, c := skipping(t, func(g *layout.Geometry) { g.Timestamps = true })
	sendIDs(t, p, 0, 1)
	var l ring.Lease
	require.NoError(t, c.TryLease(&l))
	was := l.SentAt()
	require.NotZero(t, was)
	sendIDs(t, p, 1, 40)
	require.Equal(t, was, l.SentAt())
	c.Release(&l)
	require.NoError(t, c.TryLease(&l))
	require.Equal(t, was, l.SentAt())
}

// A producer that waits for no subscription has room, however far one is behind: one that found a
// slot claimed must not hold out for a quarter of the ring.
func TestNobodyHoldsUpASkippingProducer(t *testing.T) {
	t.Parallel()
	r, p, _ := skipping(t, nil)
	sendIDs(t, p, 0, 40)
	require.True(t, r.HasRoom())
	require.True(t, r.Roomy())
}

// A holder that was told of a jump and came back leaves nothing to be told to the next one.
func TestJumpIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, leave := range []func(c *ring.Consumer){
		func(c *ring.Consumer) { c.Close() },
		func(c *ring.Consumer) { _, _, _ = c.TryReceive(nil) },
		func(c *ring.Consumer) { _ = c.TryLease(new(ring.Lease)) },
	} {
		r, p, c := skipping(t, nil)
		sendIDs(t, p, 0, 40)
		require.ErrorIs(t, c.TryLease(new(ring.Lease)), ring.ErrLagged)
		leave(c)
		for n := range 3 {
			heir := r.NewSubscriber(7, 0)
			_, _, err := heir.TryReceive(nil)
			require.NoError(t, err, n)
		}
	}
}
