//go:build unix

package worker

import (
	"os/exec"
	"syscall"

	"github.com/shmq/shmq/internal/sys"
)

// inOwnSession makes a command that is not started yet the leader of a session, and so of a
// process group. It has no terminal: one that wants to ask there gets an error. In a
// mere group of its own it would be in the background of the receiver's terminal, and be
// stopped when it reads from it.
func inOwnSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// signalGroup signals a process group. Those of it that are stopped would not get the
// signal before another process continues them, so they are continued. An error means that the
// group is gone.
func signalGroup(pid int, sig syscall.Signal) {
	_ = syscall.Kill(-pid, sig)
	_ = syscall.Kill(-pid, syscall.SIGCONT)
}

// signalThatEnded returns the name of the signal that ended a command, "" if none did.
func signalThatEnded(ended *exec.ExitError) string {
	status, ok := ended.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return ""
	}
	return sys.SignalName(status.Signal())
}
