//go:build unix

package cli

import (
	"os/exec"
	"syscall"
)

// inOwnGroup makes a command that is not started yet the leader of a process group.
func inOwnGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// signalGroup signals a process group. If it is gone there is nobody to tell.
func signalGroup(pid int, sig syscall.Signal) { _ = syscall.Kill(-pid, sig) }
