package seat_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/ring"
)

func TestRecoverTakesBackWhatTheDeadHeld(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	me := testagent.Attach(t, q, shmq.Consumer)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b", "c")
	c.Lease(1)
	c.Lease(2)
	p.Do("reserve 200")
	require.Equal(t, ring.Swept{}, me.Recover(), "both live")
	p.Kill()
	c.Kill()
	require.Equal(t, ring.Swept{Claims: 1, Takes: 2, Records: 3}, me.Recover())
	require.Equal(t, ring.Swept{}, me.Recover(), "once")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, 3, info.Orphans, "records, and not takes")
	require.EqualValues(t, 1, info.Skipped)
	require.Len(t, info.Participants, 1, "their seats are clean")
}

// However often living participants look, and whatever the stopped one holds.
func TestStoppedParticipantIsNotRobbed(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	me := testagent.Attach(t, q, shmq.Consumer)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a")
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	p.Do("reserve 10")
	p.Stop()
	c.Stop()
	rc := me.Ring().NewConsumer(me.Seat())
	for range 1000 {
		require.Equal(t, ring.Swept{}, me.Recover())
		require.ErrorIs(t, rc.TryLease(new(ring.Lease)), ring.ErrEmpty)
	}
	p.Continue()
	c.Continue()
	p.Do("commit 10")
	c.Do("ack 0")
	var l ring.Lease
	require.NoError(t, rc.TryLease(&l))
	require.Zero(t, l.Redelivered)
	rc.Ack(&l)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, []int{0, 0, 0, 0}, []int{info.Records, info.Claimed, info.Leased, info.Orphans})
}

// A recoverer holds the seat's lock while it works. If it stops there, that seat's
// records wait and all else goes on; if it dies there, another finishes the work.
func TestRecovererThatStopsOrDies(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	p, recoverer := testagent.DeadSeatInWork(t, q)

	next := testagent.Consumer(t, q)
	p.Sends("b")
	require.Equal(t, testagent.Fresh("b"), next.Lease(1))
	require.Contains(t, next.Fails("try-lease"), "empty")

	require.NoError(t, recoverer.Close()) // as its death would
	require.Equal(t, testagent.Again(1, "a"), next.Lease(1))
}

// The goroutines of a process share one description, whose locks do not exclude
// each other.
func TestManyGoroutinesRecoverAtOnce(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	a, b := testagent.Attach(t, q, shmq.Consumer), testagent.Attach(t, q, shmq.Consumer)
	for range 5 {
		p := testagent.Producer(t, q)
		p.Do("reserve 100")
		p.Kill()
		var wg sync.WaitGroup
		var lock sync.Mutex
		claims := 0
		for i := range 8 {
			by := []*attach.Participant{a, b}[i%2]
			wg.Go(func() {
				for range 20 {
					found := by.Recover()
					lock.Lock()
					claims += found.Claims
					lock.Unlock()
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, claims)
	}
}

// A producer that died with the turn asks no other to stand back any more.
func TestTurnEndsWithItsHolder(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	me := testagent.Attach(t, q, shmq.Producer)
	rp, err := me.Ring().NewProducer(me.Seat())
	require.NoError(t, err)
	for rp.Send(make([]byte, 64)) == nil {
	}
	p := testagent.Producer(t, q)
	p.Say("send %s", "x*200")
	testproc.Until(t, me.Ring().TurnAsked)
	p.Kill()
	me.Recover()
	require.False(t, me.Ring().TurnAsked())
}
