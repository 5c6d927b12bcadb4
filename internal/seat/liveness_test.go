//go:build linux

package seat_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/ring"
)

// A process that was killed and that its parent has not waited for still has its pid. Its
// seat is free all the same, and so is what it held.
func TestZombieIsDead(t *testing.T) {
	t.Parallel()
	o := testagent.Shared
	o.Seats = 2
	q := testagent.Queue(t, &o)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a")
	c.Lease(1)
	c.Terminate()
	testproc.Until(t, func() bool { return c.State() == "Z" })
	// Its main thread is a zombie a little before the others are gone.
	testproc.Until(t, func() bool {
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		return !info.Participants[1].Alive
	})
	next := testagent.Consumer(t, q)
	require.Equal(t, testagent.Again(1, "a"), next.Lease(1))
	require.Equal(t, "Z", c.State(), "still")
}

// A pid says nothing. Here the entry of a dead participant names a process that lives:
// its number was given to another.
func TestPIDThatBelongsToAnotherByNow(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	me := testagent.Attach(t, q, shmq.Consumer)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a")
	c.Lease(1)
	seat := me.Ring().Seat(seatOf(t, q, c.PID()))
	c.Kill()
	for _, alive := range []int{os.Getpid(), os.Getppid(), p.PID(), 1} {
		o := seat.Occupant()
		o.PID = uint32(alive)
		seat.Take(o)
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.Equal(t, alive, info.Participants[2].PID)
		require.False(t, info.Participants[2].Alive)
	}
	require.Equal(t, ring.Swept{Takes: 1, Records: 1}, me.Recover())
}

// And here the entry of a living one names a pid that no process has.
func TestPIDThatIsNobodysRobsNobody(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	me := testagent.Attach(t, q, shmq.Consumer)
	p, c, dead := testagent.Producer(t, q), testagent.Consumer(t, q), testagent.New(t)
	p.Sends("a")
	c.Lease(1)
	dead.Kill()
	number := seatOf(t, q, c.PID())
	seat := me.Ring().Seat(number)
	o := seat.Occupant()
	o.PID, o.StartTime = uint32(dead.PID()), 1
	seat.Take(o)
	c.Stop()
	for range 100 {
		require.Equal(t, ring.Swept{}, me.Recover())
	}
	another := testagent.Attach(t, q, shmq.Consumer)
	require.NotEqual(t, number, another.Seat())
	c.Continue()
	c.Do("ack 0")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Zero(t, info.Leased+info.Orphans)
}

func seatOf(t *testing.T, queue string, pid int) int {
	t.Helper()
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	for _, p := range info.Participants {
		if p.PID == pid {
			return p.Seat
		}
	}
	require.Fail(t, "no participant has that pid", "%d of %+v", pid, info.Participants)
	return 0
}

// elsewhere starts an agent in a PID namespace of its own, where it is process 1 and
// sees no other process.
func elsewhere(t *testing.T) *testagent.Agent {
	t.Helper()
	return testagent.NewAs(t, testproc.OwnNamespaces(t, syscall.CLONE_NEWPID))
}

// Seen from here, the pid of a participant in another namespace is another process's.
func TestParticipantInAnotherPIDNamespace(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	me := testagent.Attach(t, q, shmq.Consumer)
	p, c := testagent.Producer(t, q), elsewhere(t)
	c.Do("consumer %s", q)
	p.Sends("a")
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, 1, info.Participants[2].PID)
	c.Stop()
	for range 100 {
		require.Equal(t, ring.Swept{}, me.Recover(), "it lives")
	}
	c.Continue()
	require.Equal(t, ring.Swept{}, me.Recover())
	c.Kill()
	require.Equal(t, ring.Swept{Takes: 1, Records: 1}, me.Recover(), "it is dead, whichever process has pid 1 here")
}

// Seen from another namespace, no process here has a pid at all.
func TestRecoveryFromAnotherPIDNamespace(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b")
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	c.Stop()
	// A participant that attaches recovers dead ones. This one finds none, and leaves the record.
	other := elsewhere(t)
	other.Do("consumer %s", q)
	require.Equal(t, testagent.Fresh("b"), other.Lease(1))
	require.True(t, strings.HasPrefix(other.Fails("try-lease"), "empty"))
	c.Kill()
	require.Equal(t, testagent.Again(1, "a"), other.Lease(1))
}
