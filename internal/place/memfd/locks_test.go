//go:build linux

package memfd_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

// Locks belong to an open file description. Attachments by one number share none: not
// within a process, and not with those that the descriptor was inherited by or from.
func TestAttachmentsByOneNumberDoNotShareLocks(t *testing.T) {
	t.Parallel()
	one := shmq.FileName(newAnonymous(t, &testagent.Single))
	p := testagent.Attach(t, one, shmq.Producer)
	_, err := attach.To(one, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.ErrorContains(t, err, fmt.Sprintf("pid %d ", os.Getpid()))
	held, err := p.ProducerAttached()
	require.NoError(t, err)
	require.True(t, held, "one's own role counts")

	f := newAnonymous(t, &testagent.Shared)
	q := shmq.FileName(f)
	sender, other := testagent.Attach(t, q, shmq.Producer), testagent.Attach(t, q, shmq.Consumer)
	child := testagent.NewWith(t, f)
	child.Do("consumer fd:3")
	rp, err := sender.Ring().NewProducer(sender.Seat())
	require.NoError(t, err)
	require.NoError(t, rp.Send([]byte("a")))
	require.Equal(t, testagent.Fresh("a"), child.Lease(1))
	child.Stop()
	require.NotEqual(t, sender.Seat(), other.Seat())
	for range 10 {
		require.Equal(t, ring.Swept{}, other.Recover(), "it lives")
		rec, err := shmq.Recover(q, nil)
		require.NoError(t, err)
		require.Empty(t, rec.Dead)
		require.Len(t, rec.Alive, 3)
	}
	require.NoError(t, other.Detach())
	require.NoError(t, sender.Detach())
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1)
	require.True(t, info.Participants[0].Alive)
	child.Kill()
	heir := testagent.Attach(t, q, shmq.Consumer)
	taken := heir.Ring().NewConsumer(heir.Seat())
	require.NoError(t, taken.TryLease(new(ring.Lease)))
}

// A participant of another make may lock its seat through the descriptor that it was
// given, which is ours too. A question through that one would be answered: no holder.
func TestLockThroughTheGivenDescriptorIsSeen(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, &testagent.Shared)
	q := shmq.FileName(f)
	me := testagent.Attach(t, q, shmq.Consumer)
	const seat = 5
	me.Ring().Seat(seat).Take(ring.Occupant{Role: layout.RoleProducer, PID: 1, Attached: 1})
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: layout.SeatOffset + seat*layout.SeatSize, Len: 1}
	require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock))
	require.Equal(t, ring.Swept{}, me.Recover())
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 2)
	require.True(t, info.Participants[1].Alive)
	lock.Type = unix.F_UNLCK
	require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock))
	info, err = shmq.Stat(q)
	require.NoError(t, err)
	require.False(t, info.Participants[1].Alive)
}

// A process may hand the descriptor on to commands it runs. That they end frees nothing
// of its own, and that they go on when it is dead keeps nothing.
func TestDescriptorHandedOnHoldsNoSeat(t *testing.T) {
	t.Parallel()
	f := newAnonymous(t, &testagent.Single)
	q := shmq.FileName(f)
	parent := testproc.StartWith(t, []*os.File{f}, nil, "attach-and-spawn")
	parent.Expect("short one ended")
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Len(t, info.Participants, 1)
	require.True(t, info.Participants[0].Alive)
	_, err = attach.To(q, shmq.Consumer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)

	parent.Say("go on")
	pid, err := strconv.Atoi(parent.Expect("long one runs"))
	require.NoError(t, err)
	long, err := os.FindProcess(pid)
	require.NoError(t, err)
	defer long.Release()
	defer long.Kill()
	to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/3", pid))
	require.NoError(t, err)
	require.Contains(t, to, "memfd:shmq")
	parent.Kill()
	info, err = shmq.Stat(q)
	require.NoError(t, err)
	require.False(t, info.Participants[0].Alive)
	testagent.Attach(t, q, shmq.Consumer)
	require.NoError(t, long.Signal(syscall.Signal(0)), "it still runs")
}

func attachAndSpawn(c *testproc.Child) {
	_, err := attach.To("fd:3", shmq.Consumer, nil)
	c.Check(err)
	c.Check(exec.Command("sh", "-c", "test -e /proc/self/fd/3").Run())
	c.Say("short one ended")
	<-c.Lines
	long := exec.Command("sleep", "600")
	c.Check(long.Start())
	c.Say("long one runs %d", long.Process.Pid)
	<-c.Lines
}
