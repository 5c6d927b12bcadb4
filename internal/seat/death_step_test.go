//go:build linux && shmqstep

package seat_test

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/ring"
)

func init() { childRoles["come-and-go"] = comeAndGo }

// comeAndGo attaches, which recovers, and leaves, and is killed by itself before its
// nth access to shared memory.
//
// Arguments: queue, role, n.
func comeAndGo(c *testproc.Child) {
	left, err := strconv.Atoi(c.Args[2])
	c.Check(err)
	role := shmq.Producer
	if c.Args[1] == shmq.Consumer.String() {
		role = shmq.Consumer
	}
	atomics.SetHook(func(unsafe.Pointer, atomics.Op) {
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	a, err := attach.To(c.Args[0], role, &attach.Options{NoCreate: true})
	c.Check(err)
	c.Check(a.Detach())
	c.Say("done")
}

// Wherever a participant dies between taking a seat and leaving it, in the middle of
// recovering another's too, the next one finds all that there was to find.
func TestStepDeathAtEachAccessOfAttach(t *testing.T) {
	for _, role := range []shmq.Role{shmq.Producer, shmq.Consumer} {
		// The seat of the participant that died first: the one that is taken next, or another.
		for _, dead := range []int{0, 2} {
			t.Run(fmt.Sprintf("%v, seat %d", role, dead), func(t *testing.T) {
				t.Parallel()
				deaths := 0
				for n := 1; deathAtAccess(t, role, dead, n); n++ {
					deaths++
				}
				require.Greater(t, deaths, 20)
				t.Logf("%d deaths", deaths)
			})
		}
	}
}

// deathAtAccess reports false when there is no nth access.
func deathAtAccess(t *testing.T, role shmq.Role, dead, n int) bool {
	t.Helper()
	q := testagent.Queue(t, &shmq.Options{Slots: 8, SlotSize: 64, Seats: 3})
	leaveTraces(t, q, dead)
	c := testproc.Start(t, "come-and-go", q, role.String(), strconv.Itoa(n))
	said := c.Rest()
	if len(said) > 0 {
		require.Equal(t, []string{"done"}, said)
	} else {
		require.True(t, c.WasKilled(), "access %d", n)
	}

	me, err := attach.To(q, shmq.Consumer, nil)
	require.NoError(t, err)
	rc := me.Ring().NewConsumer(me.Seat())
	for _, want := range []string{"a", "b"} {
		var l ring.Lease
		require.NoError(t, rc.TryLease(&l), "access %d", n)
		require.Equal(t, want, string(l.Data))
		require.Equal(t, want == "a", l.Redelivered > 0)
		rc.Ack(&l)
	}
	require.ErrorIs(t, rc.TryLease(new(ring.Lease)), ring.ErrEmpty)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1, "access %d", n)
	require.Equal(t, []int{0, 0, 0, 0}, []int{info.Records, info.Claimed, info.Leased, info.Orphans}, "access %d", n)
	require.NoError(t, me.Detach())
	require.NoError(t, shmq.Remove(q))
	return len(said) == 0
}

// leaveTraces leaves a queue with a claim, then a record, that is, "b"; and before
// both the record "a" in the hands of a consumer. Both belong to one seat, whose lock
// no process has.
func leaveTraces(t *testing.T, queue string, seat int) {
	t.Helper()
	below, living := testagent.Attach(t, queue, shmq.Producer), testagent.Attach(t, queue, shmq.Producer)
	require.NoError(t, below.Detach()) // from seat 0
	defer living.Detach()
	r := living.Ring()
	p, err := r.NewProducer(living.Seat())
	require.NoError(t, err)
	require.NoError(t, p.Send([]byte("a")))
	r.Seat(seat).Take(ring.Occupant{PID: 1})
	require.NoError(t, r.NewConsumer(seat).TryLease(new(ring.Lease)))
	claimer, err := r.NewProducer(seat)
	require.NoError(t, err)
	_, err = claimer.Reserve(65)
	require.NoError(t, err)
	require.NoError(t, p.Send([]byte("b")))
}
