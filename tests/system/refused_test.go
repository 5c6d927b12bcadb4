//go:build linux

package system_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

var errnos = map[string]syscall.Errno{"EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS, "EACCES": unix.EACCES}

// System calls that a sandbox may refuse are refused, by a real filter in a child and in each of
// the usual ways, while the child takes part in queues. Each step works, in a slower way
// perhaps, or says that it is refused and what to do; none hangs.
func TestWhatASandboxRefuses(t *testing.T) {
	t.Parallel()
	for what, refused := range map[string][]string{
		// No process can know which participants live. Attached ones go on; only the end of a
		// stream that no producer marked can't be told.
		"locks": {"attach", "stat", "until eof"},
		"mmap":  {"attach", "stat"},
		// A child would have the mapping, too.
		"madvise":               {"attach", "stat"},
		"futex":                 {"sleep"},
		"futex and futex_waitv": {"sleep", "sleep with context"},
		"futex_waitv":           nil,
		"membarrier":            nil,
		"fallocate":             nil,
		"O_TMPFILE":             nil,
	} {
		for errno := range errnos {
			t.Run(what+" "+errno, func(t *testing.T) {
				t.Parallel()
				q := testagent.Queue(t, &testagent.Shared)
				echo := testagent.Consumer(t, q)
				echo.Say("lease 1") // and sleeps
				c := testproc.Start(t, "refused", what, errno, q, testagent.Queue(t, &testagent.Shared), testagent.Name(t))
				for line := c.Line(); line != "done"; line = c.Line() {
					step, err, failed := strings.Cut(line, ": ")
					require.Equal(t, testproc.Says(errors.New(strings.Join(refused, ";")), step), failed, line)
					if failed {
						require.Contains(t, err, "refused by the system")
						require.Contains(t, err, "; ", "what to do")
					}
				}
				require.Equal(t, testagent.Fresh("x"), echo.Leased())
			})
		}
	}
}

func underFilter(c *testproc.Child) {
	what, errno, q, own, absent := c.Args[0], errnos[c.Args[1]], c.Args[2], c.Args[3], c.Args[4]
	open := func(o *consumer.Options) *consumer.Raw {
		in, err := consumer.OpenRaw(own, o)
		c.Check(err)
		return in
	}
	in, spinner, eof := open(nil), open(&consumer.Options{Wait: shmq.Spin}), open(&consumer.Options{UntilEOF: true})
	out, err := producer.OpenRaw(q, nil)
	c.Check(err)
	back, err := producer.OpenRaw(own, nil)
	c.Check(err)
	for _, call := range strings.Split(what, " and ") {
		refuse(c, call, errno)
	}

	step := func(name string, err error) {
		switch {
		case err == nil:
			c.Say("%s", name)
		case errors.Is(err, shmq.ErrRefused):
			c.Say("%s: %v", name, err)
		default:
			c.Fail("%s: %v", name, err)
		}
	}
	// ends waits for nothing that comes.
	ends := func(in *consumer.Raw) error {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		_, err := in.Receive(ctx, nil)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	}
	step("create", createAllocated(absent))
	step("attach", attachFencing(q, what == "membarrier"))
	_, err = shmq.Stat(q)
	step("stat", err)
	step("send", out.Send(context.Background(), []byte("x")))
	step("spin", ends(spinner))
	step("sleep with context", ends(in))
	sent := make(chan error, 1)
	time.AfterFunc(20*time.Millisecond, func() { sent <- back.Send(context.Background(), []byte("y")) })
	_, err = in.Receive(context.Background(), nil)
	c.Check(<-sent)
	step("sleep", err)
	for err != nil {
		_, err = in.TryReceive(nil)
	}
	c.Check(back.Close())
	if _, err = eof.Receive(context.Background(), nil); err == io.EOF {
		err = nil
	}
	step("until eof", err)
	c.Say("done")
	<-c.Lines
}

func refuse(c *testproc.Child, call string, errno syscall.Errno) {
	switch call {
	case "locks":
		c.RefuseValue(unix.SYS_FCNTL, errno, 1, unix.F_OFD_SETLK)
		c.RefuseValue(unix.SYS_FCNTL, errno, 1, unix.F_OFD_GETLK)
	case "mmap":
		c.Refuse(unix.SYS_MMAP, errno, 3, unix.MAP_SHARED)
	case "madvise":
		c.RefuseValue(unix.SYS_MADVISE, errno, 2, unix.MADV_DONTFORK)
	case "futex": // the shared ones: FUTEX_WAIT and FUTEX_WAKE; the Go runtime has its own
		c.RefuseValue(unix.SYS_FUTEX, errno, 1, 0)
		c.RefuseValue(unix.SYS_FUTEX, errno, 1, 1)
	case "futex_waitv":
		c.Refuse(unix.SYS_FUTEX_WAITV, errno, 0, 0)
	case "membarrier":
		c.Refuse(unix.SYS_MEMBARRIER, errno, 0, 0)
	case "fallocate":
		c.Refuse(unix.SYS_FALLOCATE, errno, 0, 0)
	case "O_TMPFILE":
		c.Refuse(unix.SYS_OPENAT, errno, 2, unix.O_TMPFILE&^unix.O_DIRECTORY)
	default:
		c.Fail("no such call: %s", call)
	}
}

// createAllocated makes a queue and wants its storage to be there.
func createAllocated(q string) error {
	if err := shmq.Create(q, &testagent.Shared); err != nil {
		return err
	}
	path, err := shmq.Path(q)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Blocks*512 < st.Size {
		return fmt.Errorf("%d bytes have %d blocks", st.Size, st.Blocks)
	}
	return nil
}

// attachFencing attaches, recovers and detaches.
func attachFencing(q string, fence bool) error {
	a, err := attach.To(q, shmq.Producer, nil)
	if err != nil {
		return err
	}
	if a.MustFence() && !fence {
		err = errors.New("fences for no reason")
	}
	a.Recover()
	return errors.Join(err, a.Detach())
}

// No quota left is no space left.
func TestCreateOverQuota(t *testing.T) {
	t.Parallel()
	c := testproc.Start(t, "quota", testagent.Name(t))
	require.Contains(t, c.Expect("not enough space"), "fewer or smaller slots")
}

// Nor is a quota of files, whichever step of making a queue meets it.
func TestCreateOverQuotaOfFiles(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"open", "name"} {
		c := testproc.Start(t, "quota-of-files", testagent.Name(t), call)
		require.Contains(t, c.Expect("not enough space"), "quota")
	}
}

func createOverQuotaOfFiles(c *testproc.Child) {
	if c.Args[1] == "open" {
		c.Refuse(unix.SYS_OPENAT, unix.EDQUOT, 2, unix.O_TMPFILE&^unix.O_DIRECTORY)
	} else {
		c.Refuse(unix.SYS_LINKAT, unix.EDQUOT, 0, 0)
	}
	err := shmq.Create(c.Args[0], nil)
	if !errors.Is(err, shmq.ErrNoSpace) {
		c.Fail("got %v", err)
	}
	c.Say("not enough space %v", err)
	<-c.Lines
}

func createOverQuota(c *testproc.Child) {
	c.Refuse(unix.SYS_FALLOCATE, unix.EDQUOT, 0, 0)
	err := shmq.Create(c.Args[0], nil)
	if !errors.Is(err, shmq.ErrNoSpace) {
		c.Fail("got %v", err)
	}
	c.Say("not enough space %v", err)
	<-c.Lines
}
