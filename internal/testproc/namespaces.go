//go:build linux

package testproc

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// OwnNamespaces are attributes of a process in a user namespace of its own, where it is
// root and has the files of this user, and in others: CLONE_NEWPID and the like. The test
// is skipped where there are none. A process with them is forked, and has a copy of all mappings of the test, System V
// segments too, until it executes its program: a test that counts these runs beside none that starts one.
func OwnNamespaces(t testing.TB, others uintptr) *syscall.SysProcAttr {
	t.Helper()
	namespaces := func() *syscall.SysProcAttr {
		return &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | others,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	probe := exec.Command("/proc/self/exe", "-test.run=^$")
	probe.SysProcAttr = namespaces()
	probe.Env = append(os.Environ(), "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
	if err := probe.Run(); err != nil {
		t.Skipf("no namespaces to be had here: %v", err)
	}
	return namespaces()
}
