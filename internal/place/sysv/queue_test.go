//go:build linux

package sysv_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestSegmentNames(t *testing.T) {
	t.Setenv("SHMQ_DIR", "/q")
	for name, want := range map[string]string{
		"sysv:1": "sysv:0x1", "sysv:21320": "sysv:0x5348", "sysv:0x5348": "sysv:0x5348", "sysv:0X00ABcd": "sysv:0xabcd",
		"sysv:010": "sysv:0xa", "sysv:4294967295": "sysv:0xffffffff", "sysv:id:2147483647": "sysv:id:2147483647",
		"sysv:id:02147483646": "sysv:id:2147483646",
	} {
		path, err := shmq.Path(name)
		require.NoError(t, err, name)
		require.Equal(t, "/q/shmq."+want, path)
	}
	for _, name := range []string{
		"sysv:", "sysv:0", "sysv:0x0", "sysv:-1", "sysv:+1", "sysv:4294967296", "sysv:x", "sysv:0x", "sysv:1_0", "sysv:0b1", "sysv: 1",
		"sysv:id:", "sysv:id:-1", "sysv:id:0x1", "sysv:id:2147483648", "sysv:ID:1",
	} {
		_, err := shmq.Path(name)
		require.ErrorIs(t, err, shmq.ErrName, name)
		_, err = shmq.Stat(name)
		require.ErrorIs(t, err, shmq.ErrName, name)
		require.ErrorIs(t, shmq.Create(name, nil), shmq.ErrName, name)
	}
	path, err := shmq.Path("./sysv:1")
	require.NoError(t, err)
	require.Equal(t, "sysv:1", path, "a path is a file whatever it is called")
}

// The whole life of a queue: with processes, deaths, recovery, and nothing left.
func TestQueueInASegment(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		o.Slots, o.SlotSize, o.Mode = 16, 64, 0o640
		q, key := segmentQueue(t, &o)
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		p.Sends("a", "b", "x*400")
		require.Equal(t, testagent.Fresh("a"), c.Lease(1))
		c.Do("ack 0")
		require.Equal(t, testagent.Fresh("b"), c.Lease(1))

		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.Equal(t, []any{"0640", os.Getuid(), testagent.Path(t, q)}, []any{info.Mode, info.UID, info.Path})
		require.Len(t, info.Participants, 2)
		require.Equal(t, segmentOf(t, key).Size, info.Size)
		side, err := os.Stat(info.Path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o640), side.Mode())

		if o.Consumers == shmq.One {
			require.Contains(t, testagent.New(t).Fails("consumer %s", q), "role is taken")
		}
		err = shmq.Remove(q)
		require.ErrorIs(t, err, shmq.ErrInUse)
		require.ErrorContains(t, err, fmt.Sprintf("pid %d ", c.PID()))

		c.Kill()
		p.Do("reserve 10")
		p.Kill()
		heir := testagent.Consumer(t, q)
		require.Equal(t, testagent.Again(1, "b"), heir.Lease(1))
		next := testagent.Producer(t, q)
		next.Sends("c")
		rest := heir.Lease(1)
		require.Len(t, rest[0].Data, 400)
		require.Equal(t, testagent.Fresh("c"), heir.Lease(1))
		for i := range 3 {
			heir.Do("ack %d", i)
		}
		heir.Do("close")
		next.Do("close")
		testproc.Until(t, func() bool { return attachments(t, segmentOf(t, key).ID) == 0 })
		require.NoError(t, shmq.Remove(q))
		_, err = sys.FindSegment(key)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, shmq.Remove(q), fs.ErrNotExist)
	})
}

// Sleepers in two processes wake each other through the segment.
func TestSegmentWakesSleepers(t *testing.T) {
	t.Parallel()
	q, _ := segmentQueue(t, &testagent.Shared)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	for range 3 {
		c.Say("lease 1")
		testproc.Until(t, func() bool {
			info, err := shmq.Stat(q)
			require.NoError(t, err)
			return info.ConsumersAsleep
		})
		p.Sends("a")
		require.Equal(t, testagent.Fresh("a"), c.Leased())
	}
}

func TestSegmentIsDetached(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &testagent.Single)
	id := segmentOf(t, key).ID
	for range 3 {
		a := testagent.Attach(t, q, shmq.Producer)
		require.False(t, a.Guarded(), "it can't be cut")
		require.Equal(t, 1, attachments(t, id))
		w, err := shmq.Watch(q)
		require.NoError(t, err)
		v, err := shmq.View(q)
		require.NoError(t, err)
		require.Equal(t, 3, attachments(t, id))
		require.NoError(t, w.Close())
		require.NoError(t, v.Close())
		require.NoError(t, a.Detach())
		_, err = shmq.Stat(q)
		require.NoError(t, err)
		require.Zero(t, attachments(t, id))
		c, err := attach.To(q, shmq.Consumer, &attach.Options{Prefault: true})
		require.NoError(t, err)
		_, err = attach.To(q, shmq.Consumer, nil)
		require.ErrorIs(t, err, shmq.ErrRoleTaken)
		require.Equal(t, 1, attachments(t, id), "a refused participant leaves nothing")
		require.NoError(t, c.Detach())
	}
	agent := testagent.Consumer(t, q)
	require.Equal(t, 1, attachments(t, id))
	agent.Kill()
	testproc.Until(t, func() bool { return attachments(t, id) == 0 }) // a process that looks at /proc may keep its memory for an instant
}

func TestSegmentListAndNames(t *testing.T) {
	t.Setenv("SHMQ_DIR", t.TempDir())
	key := 1 + rand.Uint32N(1<<31)
	require.NoError(t, shmq.Create(testagent.KeyName(key), nil))
	id := testagent.ForeignSegment(t, 0, 64<<10, 0o600)
	private := fmt.Sprintf("sysv:id:%d", id)
	require.NoError(t, shmq.Create(private, &shmq.Options{Slots: 4, Seats: 2}))
	names, err := name.All()
	require.NoError(t, err)
	require.Equal(t, []string{testagent.KeyName(key), private}, names)
	entries, err := shmq.List()
	require.NoError(t, err)
	require.Len(t, entries, 2)
	for _, e := range entries {
		require.NoError(t, e.Err)
		require.NoError(t, shmq.Remove(e.Name))
	}
	_, err = sys.FindSegment(key)
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireZero(t, id)
}

// A segment is one queue, whichever of its names is used.
func TestSegmentByKeyAndByID(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &testagent.Single)
	byID := fmt.Sprintf("sysv:id:%d", segmentOf(t, key).ID)
	require.Equal(t, testagent.Path(t, q), testagent.Path(t, byID))
	require.ErrorIs(t, shmq.Create(byID, nil), fs.ErrExist)
	a := testagent.Attach(t, byID, shmq.Producer)
	_, err := attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrRoleTaken)
	require.NoError(t, a.Detach())
	require.NoError(t, shmq.Remove(byID))
	_, err = shmq.Stat(q)
	require.ErrorIs(t, err, fs.ErrNotExist)
	err = shmq.Create(byID, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "ipcmk")
}

// A segment that was removed while a process is attached to it, be it a child that has not executed its program
// yet, is as good as gone for who names it.
func TestRemovedSegmentIsNotTakenByItsID(t *testing.T) {
	t.Parallel()
	q, key := segmentQueue(t, &testagent.Single)
	seg := segmentOf(t, key)
	mem, err := seg.Map(int(seg.Size), false)
	require.NoError(t, err)
	require.NoError(t, shmq.Remove(q))
	err = shmq.Create(fmt.Sprintf("sysv:id:%d", seg.ID), nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, fmt.Sprintf("segment %d was removed, and goes with its last attachment", seg.ID))
	require.ErrorContains(t, err, "ipcmk")
	require.NoError(t, sys.Unmap(mem))
	err = shmq.Create(fmt.Sprintf("sysv:id:%d", seg.ID), nil)
	require.ErrorContains(t, err, "ipcmk")
}
