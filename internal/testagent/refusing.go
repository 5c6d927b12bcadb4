//go:build linux

package testagent

import (
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq/internal/testproc"
)

const refusingRole = "refusing"

// NewWithout is New where the kernel lacks a system call, of which there are "membarrier" and "futex_waitv".
func NewWithout(t testing.TB, call string) *Agent {
	t.Helper()
	return ready(t, testproc.Start(t, refusingRole, append([]string{call}, next(t)...)...))
}

// refusing becomes an agent without a system call. A filter stays when another program is executed.
//
// Arguments: call, and the command of the agent if it is none in Go.
func refusing(c *testproc.Child) {
	switch c.Args[0] {
	case "membarrier":
		c.Refuse(unix.SYS_MEMBARRIER, unix.EPERM, 0, 0)
	case "futex_waitv":
		c.Refuse(unix.SYS_FUTEX_WAITV, unix.ENOSYS, 0, 0)
	}
	command := c.Args[1:]
	if len(command) == 0 {
		Play(c)
		return
	}
	path, err := exec.LookPath(command[0])
	c.Check(err)
	c.Check(syscall.Exec(path, command, syscall.Environ()))
}
