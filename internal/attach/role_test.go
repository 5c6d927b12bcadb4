package attach_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/ring"
)

func TestSecondHolderOfSingleRoleIsRefused(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"producer", "consumer"} {
		q := testagent.Queue(t, &testagent.Single)
		first, second := testagent.New(t), testagent.New(t)
		first.Do("%s %s", role, q)
		refused := second.Fails("%s %s", role, q)
		require.Contains(t, refused, "role is taken")
		require.Contains(t, refused, fmt.Sprintf("pid %d (%s)", first.PID(), commandOf(first)))
		require.Contains(t, refused, fmt.Sprintf("%q", q))
		require.Contains(t, refused, "many "+role+"s", "what to do")

		first.Do("close")
		second.Do("%s %s", role, q)
	}
}

func TestSingleRoleIsFreeAfterKill(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"producer", "consumer"} {
		q := testagent.Queue(t, &testagent.Single)
		for range 5 {
			a := testagent.New(t)
			a.Do("%s %s", role, q)
			a.Kill()
		}
	}
}

func TestStoppedHolderKeepsSingleRole(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Single)
	a, b := testagent.Producer(t, q), testagent.New(t)
	a.Stop()
	require.Contains(t, b.Fails("producer %s", q), fmt.Sprintf("pid %d ", a.PID()))
	a.Continue()
	a.Do("send x")
	a.Do("close")
	b.Do("producer %s", q)
}

// The kernel keeps locks for a description, not a process: one process can't take a
// role twice either, and closing one attachment leaves the others'.
func TestTwoAttachmentsOfOneProcess(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Single)
	p := testagent.Attach(t, q, shmq.Producer)
	_, err := attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.ErrorContains(t, err, fmt.Sprintf("this process itself, pid %d;", os.Getpid()))
	c := testagent.Attach(t, q, shmq.Consumer)
	require.NotEqual(t, p.Seat(), c.Seat())
	held, err := p.ProducerAttached()
	require.NoError(t, err)
	require.True(t, held, "one's own role counts")
	require.NoError(t, c.Detach())
	_, err = attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.NoError(t, p.Detach())
	require.ErrorIs(t, p.Detach(), shmq.ErrClosed)
	testagent.Attach(t, q, shmq.Producer)
}

func TestManyShareARoleUntilTheSeatsRunOut(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, Seats: 5})
	var all []*attach.Participant
	for i := range 5 {
		all = append(all, testagent.Attach(t, q, shmq.Role(1+i%2)))
	}
	_, err := attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrNoSeat)
	require.ErrorContains(t, err, "all 5 seats are held by this process")
	require.ErrorContains(t, err, "more seats")
	require.NoError(t, all[3].Detach())
	require.Equal(t, 3, testagent.Attach(t, q, shmq.Producer).Seat())
}

func TestRoleHasAName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "producer", shmq.Producer.String())
	require.Equal(t, "consumer", shmq.Consumer.String())
	require.Equal(t, "unknown", shmq.Role(0).String())
}

// What a seat says of its holder is anybody's text.
func TestHolderWithAHostileName(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Single)
	a := testagent.Attach(t, q, shmq.Producer)
	a.Ring().Seat(a.Seat()).Take(ring.Occupant{Role: uint32(shmq.Producer), PID: 7, Command: "\x1b[2J\nok\xff"})
	_, err := attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.ErrorContains(t, err, "pid 7 (?[2J?ok?)")
	require.NotContains(t, shmq.Remove(q).Error(), "\x1b")
}
