//go:build unix

package worker

import (
	"os/exec"
	"syscall"
)

// inOwnGroup makes a command that is not started yet the leader of a process group.
func inOwnGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// signalGroup signals a process group. An error means that the group is gone.
func signalGroup(pid int, sig syscall.Signal) { _ = syscall.Kill(-pid, sig) }
