//go:build !unix

package worker

import (
	"os/exec"
	"syscall"
)

func inOwnGroup(*exec.Cmd)            {}
func signalGroup(int, syscall.Signal) {}
