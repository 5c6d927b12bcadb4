//go:build linux

package memfd_test

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// The descriptor alone is not enough for another user, as with any file: its mode counts
// when it is opened anew. It can be changed at any time.
func TestDescriptorForAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	private, public := newAnonymous(t, &testagent.Shared), newAnonymous(t, &shmq.Options{Mode: 0o666})
	c := testproc.StartWith(t, []*os.File{private, public}, nil, "open-fds-as")
	said := c.Expect("private")
	require.Contains(t, said, "permission denied")
	require.Contains(t, said, "0666")
	require.Equal(t, "ok", c.Expect("public"))
	require.NoError(t, private.Chmod(0o666))
	c.Say("again")
	require.Equal(t, "ok", c.Expect("private"))
}

func openFDsAs(c *testproc.Child) {
	const nobody = 65534
	c.Check(syscall.Setgroups(nil))
	c.Check(syscall.Setgid(nobody))
	c.Check(syscall.Setuid(nobody))
	try := func(name string) string {
		a, err := attach.To(name, shmq.Producer, nil)
		if err != nil {
			return err.Error()
		}
		c.Check(a.Detach())
		return "ok"
	}
	c.Say("private %s", try("fd:3"))
	c.Say("public %s", try("fd:4"))
	<-c.Lines
	c.Say("private %s", try("fd:3"))
	<-c.Lines
}

// Filters in children refuse what some sandboxes and systems do.
func TestAnonymousQueueWhereTheSystemRefuses(t *testing.T) {
	t.Parallel()
	c := testproc.StartWith(t, []*os.File{newAnonymous(t, nil)}, nil, "no-proc")
	require.Contains(t, c.Expect("refused"), "/proc")
	for _, errno := range []syscall.Errno{unix.EPERM, unix.ENOSYS} {
		c := testproc.Start(t, "no-memfd", strconv.Itoa(int(errno)))
		require.Contains(t, c.Expect("refused"), "use a queue with a name")
	}
}

func attachWithoutProc(c *testproc.Child) {
	c.Refuse(unix.SYS_OPENAT, unix.ENOENT, 2, unix.O_NONBLOCK) // as nothing else opens
	_, err := attach.To("fd:3", shmq.Producer, nil)
	sayRefused(c, err)
}

func createWithoutMemfd(c *testproc.Child) {
	errno, err := strconv.Atoi(c.Args[0])
	c.Check(err)
	c.Refuse(unix.SYS_MEMFD_CREATE, syscall.Errno(errno), 0, 0)
	_, err = shmq.CreateAnonymous(nil)
	sayRefused(c, err)
}

func sayRefused(c *testproc.Child, err error) {
	if !errors.Is(err, shmq.ErrRefused) || errors.Is(err, fs.ErrNotExist) {
		c.Fail("got %v", err)
	}
	c.Say("refused %v", err)
	<-c.Lines
}
