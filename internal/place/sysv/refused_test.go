//go:build linux

package sysv_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestSegmentWithoutSystemV(t *testing.T) {
	t.Parallel()
	c := testproc.Start(t, "no-sysv", segmentName(t))
	c.Expect("done")
}

func createWithoutSysV(c *testproc.Child) {
	c.Refuse(unix.SYS_SHMGET, unix.ENOSYS, 0, 0)
	err := shmq.Create(c.Args[0], nil)
	if !errors.Is(err, shmq.ErrRefused) || !testproc.Says(err, "use a queue in a file") {
		c.Fail("got %v", err)
	}
	c.Say("done")
	<-c.Lines
}

func TestSegmentHugePages(t *testing.T) {
	t.Parallel()
	key := testagent.FreeKey(t)
	err := shmq.Create(testagent.KeyName(key), &shmq.Options{HugePages: true})
	if err != nil {
		require.ErrorContains(t, err, "make the queue without")
		_, err := shmq.Stat(testagent.KeyName(key))
		require.ErrorIs(t, err, fs.ErrNotExist)
		id := testagent.ForeignSegment(t, key, 8<<20, 0o600)
		require.ErrorIs(t, shmq.Create(testagent.KeyName(key), &shmq.Options{HugePages: true}), shmq.ErrOption)
		require.NoError(t, sys.RemoveSegment(id))
		t.Skip("no huge pages to be had here")
	}
	a := testagent.Attach(t, testagent.KeyName(key), shmq.Producer)
	require.Equal(t, 1, segmentOf(t, key).Attached)
	require.NoError(t, a.Detach())
	require.Zero(t, segmentOf(t, key).Attached)
}

// It runs alone: others count who is attached to segments.
func TestSegmentLimits(t *testing.T) {
	c := testproc.StartAs(t, testproc.OwnNamespaces(t, unix.CLONE_NEWIPC), "ipc-limits", t.TempDir())
	line := c.Line()
	if line != "done" {
		t.Skip(line)
	}
}

// reachLimits sets the limits of its own IPC namespace one after the other.
func reachLimits(c *testproc.Child) {
	dir := c.Args[0]
	os.Setenv("SHMQ_DIR", dir)
	for _, l := range []struct{ name, value, says string }{
		{"shmmax", "1000000", "kernel.shmmax is 1000000"},
		{"shmmni", "0", "kernel.shmmni is 0"},
		{"shmall", "100", "kernel.shmall is 100"},
	} {
		path := "/proc/sys/kernel/" + l.name
		was, err := os.ReadFile(path)
		c.Check(err)
		if err := os.WriteFile(path, []byte(l.value), 0); err != nil {
			c.Say("the limits can't be set here: %v", err)
			return
		}
		err = shmq.Create("sysv:7", nil)
		if !errors.Is(err, shmq.ErrNoSpace) || !testproc.Says(err, l.says) || !testproc.Says(err, "sysctl") {
			c.Fail("%s: %v", l.name, err)
		}
		_, err = attach.To("sysv:7", shmq.Producer, nil)
		if !errors.Is(err, shmq.ErrNoSpace) {
			c.Fail("%s: %v", l.name, err)
		}
		left, err := os.ReadDir(dir)
		c.Check(err)
		if len(left) != 0 {
			c.Fail("left %v", left)
		}
		c.Check(os.WriteFile(path, was, 0))
	}
	c.Check(shmq.Create("sysv:7", nil))
	c.Check(shmq.Remove("sysv:7"))
	c.Say("done")
	<-c.Lines
}
