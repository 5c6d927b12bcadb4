package seat_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/testagent"
)

// audit attaches with a durable subscription.
func audit(queue string) (*attach.Participant, error) {
	return attach.To(queue, shmq.Consumer, &attach.Options{NoCreate: true, Subscribe: seat.Subscribing{Name: "audit"}})
}

// audited returns a queue that has a durable subscription which no process has, and the queue as
// another process has it open.
func audited(t *testing.T) (string, *mapped.Queue) {
	t.Helper()
	name := testagent.Queue(t, &shmq.Options{Consumers: shmq.Each, Slots: 16, SlotSize: 64})
	a, err := audit(name)
	require.NoError(t, err)
	require.NoError(t, a.Detach())
	q, err := mapped.Open(name, true)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return name, q
}

// A process that looks whether an entry is a dead one's holds the entry's lock for a moment.
// A consumer that comes just then is not refused.
func TestTakeOverWhileAnotherProcessLooksAtTheEntry(t *testing.T) {
	name, q := audited(t)
	b := seat.SubscriptionByte(q, seat.Find(q, "audit"))
	ok, err := q.File.TryLock(b, true)
	require.NoError(t, err)
	require.True(t, ok)
	asked := 0
	seat.SetBeforeTake(t, func() {
		if asked++; asked == 3 {
			require.NoError(t, q.File.Unlock(b))
		}
	})
	a, err := audit(name)
	require.NoError(t, err)
	require.Equal(t, 3, asked)
	require.NoError(t, a.Detach())
}

// A consumer that is refused was never there.
func TestRefusedTakeOverLeavesNothing(t *testing.T) {
	name, q := audited(t)
	a, err := audit(name)
	require.NoError(t, err)
	_, err = audit(name)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.ErrorContains(t, err, "subscription audit is that of this process itself")
	info, err := shmq.Stat(name)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1)
	require.True(t, info.Participants[0].Alive)
	require.Equal(t, 1, info.Subscriptions[0].Entry+1)
	require.ErrorIs(t, info.Unsubscribe("audit"), shmq.ErrInUse)
	require.NoError(t, a.Detach())
	require.NoError(t, info.Unsubscribe("audit"))
	require.Negative(t, seat.Find(q, "audit"))
}
