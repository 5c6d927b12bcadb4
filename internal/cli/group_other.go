//go:build !unix

package cli

import (
	"os/exec"
	"syscall"
)

func inOwnGroup(*exec.Cmd)            {}
func signalGroup(int, syscall.Signal) {}
