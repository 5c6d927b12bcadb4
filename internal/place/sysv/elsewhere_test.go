//go:build linux

package sysv_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// The side file is shared, the segments are not. It runs alone: others count who is attached to segments.
func TestSegmentInAnotherNamespace(t *testing.T) {
	attr := testproc.OwnNamespaces(t, unix.CLONE_NEWIPC)
	q, key := segmentQueue(t, &testagent.Shared)
	id := segmentOf(t, key).ID
	a := testagent.Attach(t, q, shmq.Producer)
	c := testproc.StartAs(t, attr, "other-ipc", q)
	c.Expect("refused")
	segmentOf(t, key)
	require.NoError(t, a.Detach())
	require.NoError(t, testagent.Attach(t, q, shmq.Producer).Detach())
	c.Say("force")
	c.Expect("removed")
	_, err := shmq.Stat(q)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Zero(t, attachments(t, id), "no other program's segment was touched")
	require.ErrorIs(t, shmq.Create(q, nil), shmq.ErrInUse)
	require.NoError(t, sys.RemoveSegment(id))
}

func lookFromAnotherIPC(c *testproc.Child) {
	q := c.Args[0]
	for range 3 { // an id and a key that exist here as well
		id, err := sys.MakeSegment(rand.Uint32N(1<<31), 1<<20, 0o600, false)
		c.Check(err)
		_ = id
	}
	_, err := attach.To(q, shmq.Consumer, nil)
	if !errors.Is(err, shmq.ErrRefused) || !testproc.Says(err, "IPC namespace") {
		c.Fail("attach: %v", err)
	}
	for _, err := range []error{shmq.Create(q, nil), shmq.Remove(q)} {
		if !errors.Is(err, shmq.ErrRefused) {
			c.Fail("got %v", err)
		}
	}
	c.Say("refused")
	<-c.Lines
	c.Check(shmq.ForceRemove(q))
	c.Say("removed")
	<-c.Lines
}

// Another user's segment, and another user's queue.
func TestSegmentOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be two users")
	}
	dir, err := os.MkdirTemp(shmq.Dir(), "users-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, os.ModeSticky|0o777))
	t.Setenv("SHMQ_DIR", dir)
	closed, shared, mine, ours := testagent.FreeKey(t), testagent.FreeKey(t), testagent.FreeKey(t), testagent.FreeKey(t)
	id := testagent.ForeignSegment(t, closed, 8<<20, 0o600)
	require.NoError(t, shmq.Create(testagent.KeyName(shared), &shmq.Options{Mode: 0o666}))
	lent := testagent.ForeignSegment(t, mine, 8<<20, 0o666)
	borrowed := testagent.ForeignSegment(t, ours, 8<<20, 0o666)
	require.NoError(t, shmq.Create(testagent.KeyName(ours), &shmq.Options{Mode: 0o666}))
	exe := testproc.ForAnyone(t)
	c := testproc.StartExe(t, exe, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}, "other-user",
		testagent.KeyName(closed), testagent.KeyName(mine), testagent.KeyName(shared), testagent.KeyName(ours))
	c.Expect("done")
	for _, key := range []uint32{shared, ours} {
		info, err := shmq.Stat(testagent.KeyName(key))
		require.NoError(t, err)
		require.Equal(t, 1, info.Records)
		require.NoError(t, shmq.Remove(testagent.KeyName(key)))
	}
	requireZero(t, borrowed)
	require.NoError(t, sys.RemoveSegment(borrowed))
	require.NoError(t, shmq.Remove(testagent.KeyName(mine)), "root may")
	requireZero(t, lent)
	require.NoError(t, sys.RemoveSegment(lent))
	require.NoError(t, sys.RemoveSegment(id))
	files, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	require.Empty(t, files)
}

func useAsAnotherUser(c *testproc.Child) {
	closed, mine := c.Args[0], c.Args[1]
	err := shmq.Create(closed, nil)
	if !errors.Is(err, fs.ErrPermission) || !testproc.Says(err, "ask the segment's owner") {
		c.Fail("create in a closed segment: %v", err)
	}
	if _, err := shmq.Stat(closed); !errors.Is(err, fs.ErrNotExist) {
		c.Fail("left: %v", err)
	}
	for _, q := range c.Args[2:] {
		p, err := producer.OpenRaw(q, nil)
		c.Check(err)
		c.Check(p.TrySend([]byte("hello")))
		c.Check(p.Close())
		for _, remove := range []func(string) error{func(name string) error { return shmq.Remove(name) }, shmq.ForceRemove} {
			if err := remove(q); !errors.Is(err, fs.ErrPermission) {
				c.Fail("removed another's queue: %v", err)
			}
		}
		_, err = shmq.Stat(q)
		c.Check(err)
	}
	c.Check(shmq.Create(mine, &shmq.Options{Slots: 16}))
	c.Say("done")
	<-c.Lines
}
