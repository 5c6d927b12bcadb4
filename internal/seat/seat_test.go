package seat_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Each child is killed with a claim or a take, which names its seat, in its hands.
func TestSeatsAreReusedAfterHundredsOfKills(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 8, SlotSize: 64, Seats: 3})
	kills := 200
	if testing.Short() {
		kills = 20
	}
	for i := range kills {
		c := testproc.Start(t, "attach-and-die", q)
		c.Expect("attached")
		if i%10 == 0 {
			info, err := shmq.Stat(q)
			require.NoError(t, err)
			require.LessOrEqual(t, len(info.Participants), 3)
		}
		c.Kill()
	}
	a := testagent.Attach(t, q, shmq.Producer)
	a.Recover()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1)
	require.Zero(t, info.Claimed)
	require.Zero(t, info.Leased)
}

// attachAndDie reserves room, or takes a record that is there, and waits for its end.
func attachAndDie(c *testproc.Child) {
	p, err := attach.To(c.Args[0], shmq.Producer, nil)
	c.Check(err)
	rp, err := p.Ring().NewProducer(p.Seat())
	c.Check(err)
	_ = rp.Send([]byte("x"))
	_, err = rp.Reserve(65)
	taker, err2 := attach.To(c.Args[0], shmq.Consumer, nil)
	c.Check(err2)
	rc := taker.Ring().NewConsumer(taker.Seat())
	c.Say("attached %v %v", err, rc.TryLease(new(ring.Lease)))
	<-c.Lines
}

// A seat that is free but for a recoverer at work is waited for.
func TestAttachWaitsForRecoveryOfTheLastSeat(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, Seats: 2})
	testagent.Attach(t, q, shmq.Producer)
	victim := testagent.Consumer(t, q)
	victim.Kill()
	path, err := shmq.Path(q)
	require.NoError(t, err)
	recoverer, err := sys.Open(path, true, false)
	require.NoError(t, err)
	defer recoverer.Close()
	ok, err := recoverer.TryLock(layout.SeatOffset+layout.SeatSize, true)
	require.NoError(t, err)
	require.True(t, ok)
	attached := make(chan error, 1)
	go func() {
		a, err := attach.To(q, shmq.Consumer, nil)
		if err == nil {
			err = a.Detach()
		}
		attached <- err
	}()
	// It finds no seat at first, and tries for a while.
	time.Sleep(5 * time.Millisecond)
	require.NoError(t, recoverer.Unlock(layout.SeatOffset+layout.SeatSize))
	require.NoError(t, <-attached)
}
