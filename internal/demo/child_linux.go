package demo

import "syscall"

// dependent makes a child the parent's own affair: the kernel kills it when its
// parent dies, however that may happen, and a Ctrl-C in the terminal reaches only
// the parent, in whose process group the child is not.
func dependent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
