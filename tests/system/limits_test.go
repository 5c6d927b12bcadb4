//go:build linux

package system_test

import (
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// With too few descriptors left attaching and creating fail, say so, and leave nothing
// open; with as many as it takes they work.
func TestAttachWithFewDescriptorsLeft(t *testing.T) {
	t.Parallel()
	c := testproc.Start(t, "few-files", testagent.Queue(t, &testagent.Shared), testagent.Name(t))
	require.Contains(t, c.Expect("attach failed:"), "ulimit -n")
	require.Equal(t, "2", c.Expect("attach works with"))
	require.Contains(t, c.Expect("create failed:"), "ulimit -n")
	c.Expect("create works with")
}

func withFewFiles(c *testproc.Child) {
	q, absent := c.Args[0], c.Args[1]
	debug.SetGCPercent(-1)
	time.Sleep(time.Nanosecond) // the Go runtime opens descriptors of its own for the first timer
	c.Check(setLimit(unix.RLIMIT_NOFILE, slices.Max(openNumbers())+1))
	for err := error(nil); err == nil; { // no holes are left
		_, err = unix.Dup(0)
	}
	try := func(what string, do func() error) {
		before := openNumbers()
		for more := range 10 {
			c.Check(setLimit(unix.RLIMIT_NOFILE, len(before)+more))
			err := do()
			c.Check(setLimit(unix.RLIMIT_NOFILE, 1000))
			if after := openNumbers(); len(after) != len(before) {
				c.Fail("%d descriptors open, %d before: %v", len(after), len(before), err)
			}
			if err == nil {
				c.Say("%s works with %d", what, more)
				return
			}
			if !errors.Is(err, shmq.ErrRefused) {
				c.Fail("%s with %d: %v", what, more, err)
			}
			if more == 0 {
				c.Say("%s failed: %v", what, err)
			}
		}
		c.Fail("%s never works", what)
	}
	try("attach", func() error {
		a, err := attach.To(q, shmq.Consumer, nil)
		if err != nil {
			return err
		}
		return a.Detach()
	})
	try("create", func() error { return shmq.Create(absent, &testagent.Shared) })
	<-c.Lines
}

// openNumbers returns the descriptors that are open, and opens none to find out.
func openNumbers() (open []int) {
	for fd := range 100 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			open = append(open, fd)
		}
	}
	return open
}

func setLimit(what, soft int) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(what, &l); err != nil {
		return err
	}
	l.Cur = uint64(soft)
	return syscall.Setrlimit(what, &l)
}

// A queue above the limit of file sizes is an error, and not the end of the process by
// SIGXFSZ.
func TestCreateAboveTheLimitOfFileSizes(t *testing.T) {
	t.Parallel()
	name := testagent.Name(t)
	c := testproc.Start(t, "small-files", name)
	said := c.Expect("refused:")
	require.Contains(t, said, "ulimit -f")
	require.Contains(t, said, name)
	_, err := shmq.Stat(name)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func withSmallFiles(c *testproc.Child) {
	c.Check(setLimit(unix.RLIMIT_FSIZE, 100_000))
	_, err := attach.To(c.Args[0], shmq.Producer, nil)
	if !errors.Is(err, shmq.ErrRefused) {
		c.Fail("got %v", err)
	}
	c.Say("refused: %v", err)
	<-c.Lines
}

// Memory that must not be swapped is locked, or the limit that is in the way is named.
func TestLockInMemory(t *testing.T) {
	t.Parallel()
	var attr *syscall.SysProcAttr
	if os.Getuid() == 0 { // root has no limit
		attr = testproc.OwnNamespaces(t, 0)
	}
	c := testproc.StartAs(t, attr, "little-locked", testagent.Queue(t, nil), testagent.Queue(t, &shmq.Options{Slots: 2, Seats: 2}))
	said := c.Expect("refused:")
	require.Contains(t, said, "lock 4497408 bytes")
	require.Contains(t, said, "is 65536 bytes")
	require.Contains(t, said, "LimitMEMLOCK=")
	locked, err := strconv.Atoi(c.Expect("locked"))
	require.NoError(t, err)
	require.Positive(t, locked)
	require.Equal(t, "0", c.Expect("locked"), "after detaching")
}

func withLittleLocked(c *testproc.Child) {
	c.Check(setLimit(unix.RLIMIT_MEMLOCK, 65536))
	large, small := c.Args[0], c.Args[1]
	_, err := attach.To(large, shmq.Producer, &attach.Options{Lock: true})
	if !errors.Is(err, shmq.ErrRefused) {
		c.Fail("got %v", err)
	}
	c.Say("refused: %v", err)
	a, err := attach.To(small, shmq.Producer, &attach.Options{Lock: true})
	c.Check(err)
	c.Say("locked %s", lockedKB(c))
	c.Check(a.Detach())
	c.Say("locked %s", lockedKB(c))
	<-c.Lines
}

// lockedKB is how much memory this process has locked.
func lockedKB(c *testproc.Child) string {
	b, err := os.ReadFile("/proc/self/status")
	c.Check(err)
	_, rest, _ := strings.Cut(string(b), "VmLck:")
	return strings.Fields(rest)[0]
}
