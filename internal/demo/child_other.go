//go:build !linux

package demo

import "syscall"

func dependent() *syscall.SysProcAttr { return nil }
