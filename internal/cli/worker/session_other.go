//go:build !unix

package worker

import (
	"os/exec"
	"syscall"
)

func inOwnSession(*exec.Cmd)                 {}
func signalGroup(int, syscall.Signal)        {}
func signalThatEnded(*exec.ExitError) string { return "" }
